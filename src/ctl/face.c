// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/module/sluice/instances/: how instances are made while the module is loaded, set,
 * begun and ended.
 *
 * A directory each, with a file for each setting, and "netns" and "live".  Whoever acts is
 * the administrator of the machine: a file may have been opened by somebody else.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <net/net_namespace.h>

#include "compat/net.h"
#include "ctl/face.h"
#include "ctl/instance.h"
#include "ctl/kind.h"
#include "ctl/life.h"
#include "ctl/settings.h"

/**
 * struct face_file - a file of an instance's directory
 * @attr:    for sysfs
 * @setting: NULL: @show and @store are its own
 * @show:    of @instance to a page
 * @store:   a text, without the newline of an echo; may be changed
 */
struct face_file {
	struct attribute	attr;
	const struct setting	*setting;
	ssize_t			(*show)(struct sluice_instance *instance, char *buf);
	int			(*store)(struct sluice_instance *instance, char *text);
};

static struct kobject *instances_dir;
static struct face_file *setting_files;

/* --- files of an instance ---------------------------------------------------- */

static ssize_t live_show(struct sluice_instance *instance, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(instance->phase) != SLUICE_LOADING);
}

static int live_store(struct sluice_instance *instance, char *text)
{
	bool live;

	if (kstrtobool(text, &live)) {
		instance_err(instance, "live=%.100s: expected 1 to serve, 0 to end\n", text);
		return -EINVAL;
	}
	if (live)
		return sluice_instance_begin(instance);
	sluice_instance_end(instance);
	return 0;
}

static ssize_t netns_show(struct sluice_instance *instance, char *buf)
{
	return sluice_instance_show_net(instance, buf);
}

/* As the writer sees it; what it may be else is not opened. */
static int netns_store(struct sluice_instance *instance, char *text)
{
	struct path path;
	struct net *net;
	int err;

	err = kern_path(text, LOOKUP_FOLLOW, &path);
	if (err) {
		instance_err(instance, "netns=%.100s: cannot be found (%pe); expected a path like /run/netns/NAME or /proc/PID/ns/net\n",
			     text, ERR_PTR(err));
		return err;
	}
	net = compat_net_of_inode(d_inode(path.dentry));
	path_put(&path);
	if (!net) {
		instance_err(instance, "netns=%.100s: expected the file of a network namespace, like /run/netns/NAME or /proc/PID/ns/net\n",
			     text);
		return -EINVAL;
	}
	err = sluice_instance_set_net(instance, net);
	if (err)
		instance_err(instance, "netns: cannot be changed while it serves\n");
	put_net(net);
	return err;
}

static struct face_file live_file = {
	.attr	= { .name = "live", .mode = 0644 },
	.show	= live_show,
	.store	= live_store,
};

static struct face_file netns_file = {
	.attr	= { .name = "netns", .mode = 0644 },
	.show	= netns_show,
	.store	= netns_store,
};

static struct sluice_instance *instance_of(struct kobject *kobj)
{
	return container_of(kobj, struct sluice_instance, kobj);
}

static ssize_t file_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	const struct face_file *file = container_of(attr, struct face_file, attr);
	struct sluice_instance *instance = instance_of(kobj);

	return file->setting ? sluice_setting_show(instance, file->setting, buf) :
			       file->show(instance, buf);
}

/* Settings take a newline as it comes. */
static int store_own(struct sluice_instance *instance, const struct face_file *file,
		     const char *buf, size_t len)
{
	char *text = kstrndup(buf, len, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	text[strcspn(text, "\n")] = '\0';
	err = file->store(instance, strim(text));
	kfree(text);
	return err;
}

static ssize_t file_store(struct kobject *kobj, struct attribute *attr, const char *buf,
			  size_t len)
{
	const struct face_file *file = container_of(attr, struct face_file, attr);
	struct sluice_instance *instance = instance_of(kobj);
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (file->setting)
		err = sluice_setting_set(instance, file->setting, buf);
	else
		err = store_own(instance, file, buf, len);
	return err ?: len;
}

static const struct sysfs_ops file_ops = {
	.show	= file_show,
	.store	= file_store,
};

static void instance_release(struct kobject *kobj)
{
	kfree(instance_of(kobj));
}

static struct attribute_group instance_group;
static const struct attribute_group *instance_groups[] = { &instance_group, NULL };

static const struct kobj_type instance_type = {
	.release	= instance_release,
	.sysfs_ops	= &file_ops,
	.default_groups	= instance_groups,
};

/* --- making and ending ------------------------------------------------------- */

static bool is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return len && len <= SLUICE_INSTANCE_NAME_MAX && !name[len] &&
	       strcmp(name, "make") && strcmp(name, "end");
}

static int make(const char *name)
{
	struct sluice_instance *instance;
	int err;

	instance = sluice_instance_create(name, current->nsproxy->net_ns);
	if (!instance)
		return -ENOMEM;
	kobject_init(&instance->kobj, &instance_type);
	instance->kobj.parent = instances_dir;
	err = sluice_instance_add(instance);
	if (err == -EEXIST)
		pr_err("%s: there is an instance of that name already; expected another\n", name);
	if (err)
		kobject_put(&instance->kobj);
	return err;
}

static int end(const char *name)
{
	int err = sluice_instance_doom(name);

	if (err == -ENOENT)
		pr_err("%s: there is no instance of that name\n", name);
	return err;
}

static ssize_t act_on_name(int (*act)(const char *name), const char *what, const char *buf,
			   size_t len)
{
	char *text, *name;
	ssize_t ret;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	text = kstrndup(buf, len, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	name = strim(text);
	if (is_name(name)) {
		ret = act(name) ?: len;
	} else {
		pr_err("%s: %.100s: expected a name of 1 to %d characters out of a-z, 0-9, _ and -\n",
		       what, name, SLUICE_INSTANCE_NAME_MAX);
		ret = -EINVAL;
	}
	kfree(text);
	return ret;
}

static ssize_t make_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			  size_t len)
{
	return act_on_name(make, "make", buf, len);
}

static ssize_t end_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			 size_t len)
{
	return act_on_name(end, "end", buf, len);
}

static struct kobj_attribute make_file = __ATTR(make, 0200, NULL, make_store);
static struct kobj_attribute end_file = __ATTR(end, 0200, NULL, end_store);

static const struct attribute *const act_files[] = { &end_file.attr, &make_file.attr, NULL };

/* --- the directory ------------------------------------------------------------ */

static void setting_file_init(struct face_file *file, const struct setting *setting)
{
	sysfs_attr_init(&file->attr);
	file->setting = setting;
	file->attr.name = setting->name;
	/* Fixed while it is live. */
	file->attr.mode = setting->fixed ? 0644 : setting->mode;
}

/* A file for each setting of an instance, and two more. */
static int setting_files_init(void)
{
	const struct setting *setting;
	struct attribute **attrs;
	unsigned int i, n = 0;

	for (i = 0; sluice_setting_at(i); i++)
		;
	setting_files = kcalloc(i, sizeof(*setting_files), GFP_KERNEL);
	attrs = kcalloc(i + 3, sizeof(*attrs), GFP_KERNEL);
	instance_group.attrs = attrs;
	if (!setting_files || !attrs)
		return -ENOMEM;
	for (i = 0; (setting = sluice_setting_at(i)); i++) {
		if (setting->of == OF_MODULE)
			continue;
		setting_file_init(&setting_files[n], setting);
		attrs[n] = &setting_files[n].attr;
		n++;
	}
	attrs[n++] = &netns_file.attr;
	attrs[n] = &live_file.attr;
	return 0;
}

/* Context: module init, as the last thing. */
int sluice_face_init(void)
{
	int err;

	err = setting_files_init();
	if (err)
		goto err;
	err = -ENOMEM;
	instances_dir = kobject_create_and_add("instances", &THIS_MODULE->mkobj.kobj);
	if (!instances_dir)
		goto err;
	err = sysfs_create_files(instances_dir, act_files);
	if (err)
		goto err;
	return 0;

err:
	sluice_face_exit();
	return err;
}

/* Nobody makes one any more, or ends one; waits for who does. */
void sluice_face_close(void)
{
	sysfs_remove_files(instances_dir, act_files);
}

/* There is none any more. */
void sluice_face_exit(void)
{
	kobject_put(instances_dir);
	kfree(instance_group.attrs);
	kfree(setting_files);
}
