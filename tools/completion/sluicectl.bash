# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Completion of sluicectl for bash.  Names of settings are asked of sluicectl itself.

_sluicectl_commands="status get set check reload load unload metrics top doctor"

_sluicectl_command() {
	local word

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case " $_sluicectl_commands " in
		*" $word "*)
			echo "$word"
			return
			;;
		esac
	done
}

_sluicectl_options() {
	case "$1" in
	'') echo "--root --help --version --instance --module" ;;
	status) echo "--json" ;;
	get) echo "--full --instance" ;;
	set) echo "--instance" ;;
	check | reload | load | doctor) echo "--module" ;;
	unload) echo "--timeout" ;;
	metrics) echo "--output" ;;
	top) echo "--once --interval" ;;
	esac
}

_sluicectl_settings() {
	sluicectl get 2>/dev/null | cut -d= -f1
}

_sluicectl() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command

	COMPREPLY=()
	command=$(_sluicectl_command)
	case "$previous" in
	--root | --module | --output)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--instance)
		mapfile -t COMPREPLY < <(compgen -W \
			"$(cd /sys/module/sluice/instances 2>/dev/null && printf '%s\n' */ |
				tr -d /)" -- "$current")
		return
		;;
	--interval | --timeout)
		return
		;;
	esac
	if [ "${current:0:1}" = - ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_sluicectl_options "$command")" -- "$current")
		return
	fi
	case "$command" in
	'') mapfile -t COMPREPLY < <(compgen -W "$_sluicectl_commands" -- "$current") ;;
	get) mapfile -t COMPREPLY < <(compgen -W "$(_sluicectl_settings)" -- "$current") ;;
	set)
		mapfile -t COMPREPLY < <(compgen -S = -W "$(_sluicectl_settings)" -- "$current")
		compopt -o nospace 2>/dev/null
		;;
	check | reload | load | doctor) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	esac
}

complete -F _sluicectl sluicectl
