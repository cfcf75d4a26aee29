// SPDX-License-Identifier: GPL-2.0
/*
 * A name, component by component.
 *
 * A walk of the kernel's says where a name leads, and not by which way.  Whoever wants to
 * know for how long that is so goes the way himself, and then asks the kernel whether it
 * came out the same.
 */
#include <linux/delayed_call.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/string.h>

#include "store/steps.h"

/* Return: 0, or -ENAMETOOLONG. */
int sluice_steps_begin(struct sluice_steps *steps, const char *name)
{
	size_t len = strlen(name);

	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	steps->links = 0;
	steps->rest = steps->buf + sizeof(steps->buf) - 1 - len;
	memcpy(steps->rest, name, len + 1);
	return 0;
}

/* Return: false at the end. @name is good until a symlink is followed. */
bool sluice_steps_next(struct sluice_steps *steps, struct span *name)
{
	do {
		steps->rest += strspn(steps->rest, "/");
		name->ptr = (const u8 *)steps->rest;
		name->len = strcspn(steps->rest, "/");
		steps->rest += name->len;
	} while (name->len == 1 && name->ptr[0] == '.');
	return name->len;
}

static int put_in_front(struct sluice_steps *steps, const char *text)
{
	size_t len = strlen(text);

	/* What is left begins with the slash between the two, or is nothing. */
	if (!len || len > steps->rest - steps->buf)
		return len ? -ENAMETOOLONG : -ENOENT;
	steps->rest -= len;
	memcpy(steps->rest, text, len);
	return 0;
}

/*
 * Those of procfs say something else to each who asks, or nothing at all: they have a
 * readlink() of their own, and their get_link() is for walks of the kernel's alone.
 */
static bool is_magic(const struct inode *inode)
{
	return inode->i_op->readlink || inode->i_sb->s_magic == PROC_SUPER_MAGIC;
}

/**
 * sluice_steps_follow() - go on by what a symlink says
 * @steps: the symlink was its last component
 * @link:  counted; its text is as old as its inode
 *
 * Context: process, with the credentials of who asks.
 * Return: 0, with @steps->rest beginning with a slash if the symlink is absolute; -errno.
 */
int sluice_steps_follow(struct sluice_steps *steps, const struct path *link)
{
	DEFINE_DELAYED_CALL(done);
	const char *text;
	int err;

	if (link->mnt->mnt_flags & MNT_NOSYMFOLLOW || is_magic(d_inode(link->dentry)) ||
	    ++steps->links > SLUICE_STEPS_LINKS)
		return -ELOOP;
	text = vfs_get_link(link->dentry, &done);
	err = IS_ERR(text) ? PTR_ERR(text) : put_in_front(steps, text);
	do_delayed_call(&done);
	return err;
}
