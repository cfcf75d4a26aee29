// SPDX-License-Identifier: GPL-2.0
/*
 * By which way a path below docroot leads where it leads.
 *
 * A symlink's text is as old as its inode, so a path over symlinks is proven by several
 * chains: one from its end, and one from each symlink on the way.  Never is a step made out
 * of docroot: what leads out is known by the text.
 */
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/fs.h"
#include "store/docroot.h"
#include "store/trace.h"

/* --- bends ------------------------------------------------------------------- */

/* Context: rcu_read_lock(), softirq too. Return: true if all are what they were. */
bool sluice_bends_hold(const struct sluice_bend *bends)
{
	for (; bends; bends = bends->next)
		if (!sluice_chain_holds(&bends->chain, bends->dentry))
			return false;
	return true;
}

/* As sluice_chain_is_foreign(). Context: any. */
bool sluice_bends_are_foreign(const struct sluice_bend *bends)
{
	for (; bends; bends = bends->next)
		if (sluice_chain_is_foreign(&bends->chain))
			return true;
	return false;
}

/* As sluice_chain_is_passable(). Context: any. */
bool sluice_bends_are_passable(const struct sluice_bend *bends,
			       const struct vfsmount *mnt, const struct cred *cred)
{
	for (; bends; bends = bends->next)
		if (!sluice_chain_is_passable(&bends->chain, mnt, cred))
			return false;
	return true;
}

/* Kernel memory. Context: any. */
size_t sluice_bends_bytes(const struct sluice_bend *bends)
{
	size_t bytes = 0;

	for (; bends; bends = bends->next)
		bytes += ksize(bends);
	return bytes;
}

/* Context: process; their mount is still held. */
void sluice_bends_release(struct sluice_bend *bends)
{
	while (bends) {
		struct sluice_bend *next = bends->next;

		dput(bends->dentry);
		kfree(bends);
		bends = next;
	}
}

/* --- the way ------------------------------------------------------------------ */

static void move_to(struct sluice_trace *t, struct dentry *dentry)
{
	dput(t->end.dentry);
	t->end.dentry = dentry;
}

static bool give_up(struct sluice_trace *t)
{
	t->certain = false;
	return false;
}

static void drop_last(struct sluice_trace *t)
{
	while (t->len && t->spelled[--t->len] != '/')
		;
}

static bool spell(struct sluice_trace *t, struct span name)
{
	if (t->len + 1 + name.len >= sizeof(t->spelled))
		return false;
	t->spelled[t->len++] = '/';
	memcpy(t->spelled + t->len, name.ptr, name.len);
	t->len += name.len;
	return true;
}

static bool go_up(struct sluice_trace *t)
{
	/*
	 * A symlink that begins so leads up from where it is, which its own chain has.  No chain
	 * has a directory that is gone into and left again, nor what docroot is in.
	 */
	if (t->named || t->end.dentry == t->place->path.dentry)
		return give_up(t);
	move_to(t, dget_parent(t->end.dentry));
	drop_last(t);
	return true;
}

/* Does it lead up more often than there are directories, before it leads anywhere else? */
static bool leads_out(const struct sluice_trace *t)
{
	const char *text = t->steps.rest;
	unsigned int ups = 0, depth = 0;
	size_t i, len;

	for (i = 0; i < t->len; i++)
		depth += t->spelled[i] == '/';
	for (;; text += len) {
		text += strspn(text, "/");
		len = strcspn(text, "/");
		if (len == 2 && !memcmp(text, "..", 2))
			ups++;
		else if (len != 1 || *text != '.')
			return ups > depth;
	}
}

/* As may_follow_link() has it, with fs.protected_symlinks or without. */
static bool is_suspect(const struct dentry *link, const struct inode *dir)
{
	return (dir->i_mode & (S_ISVTX | 0002)) == (S_ISVTX | 0002) &&
	       !uid_eq(dir->i_uid, d_inode(link)->i_uid);
}

/* Return: false if it leads out. */
static bool turn_back(struct sluice_trace *t)
{
	size_t inside = sluice_docroot_leads_in(t->root, t->place, t->steps.rest);

	if (!inside)
		return false;
	t->steps.rest += inside;
	t->back = true;
	t->len = 0;
	move_to(t, dget(t->place->path.dentry));
	return true;
}

/* On from docroot, or from where it is; or @link is the end. */
static bool turn(struct sluice_trace *t, struct dentry *link, size_t link_len)
{
	bool in = t->steps.rest[0] == '/' ? turn_back(t) : !leads_out(t);

	if (in)
		return true;
	t->out = true;
	t->len = link_len;
	move_to(t, dget(link));
	return false;
}

/* Its reference moves to the bend, or goes. */
static struct sluice_bend *add_bend(struct sluice_trace *t, struct dentry *dentry)
{
	struct sluice_bend *bend = kmalloc(sizeof(*bend), GFP_KERNEL);
	struct path link = { .mnt = t->end.mnt, .dentry = dentry };

	if (!bend) {
		dput(dentry);
		return NULL;
	}
	bend->dentry = dentry;
	bend->next = t->bends;
	t->bends = bend;
	if (!sluice_chain_sample(&bend->chain, &link, &t->place->path,
				 sluice_trace_spelled(t)))
		t->certain = false;
	return bend;
}

static bool follow(struct sluice_trace *t, struct dentry *dentry, struct span name)
{
	struct path link = { .mnt = t->end.mnt, .dentry = dentry };
	size_t len = t->len;
	size_t link_len;

	if (!spell(t, name)) {
		dput(dentry);
		return give_up(t);
	}
	link_len = t->len;
	/* After the sample, as all that it is to cover. */
	if (!add_bend(t, dentry) || is_suspect(dentry, d_inode(t->end.dentry)) ||
	    sluice_steps_follow(&t->steps, &link))
		return give_up(t);
	t->len = len;
	t->named = false;
	return turn(t, dentry, link_len);
}

/* Return: false if this is the end of it. */
static bool step(struct sluice_trace *t, struct span name)
{
	struct path next = { .mnt = t->end.mnt };

	if (sluice_steps_is_up(name))
		return go_up(t);
	next.dentry = compat_lookup_one(next.mnt, t->end.dentry, (const char *)name.ptr,
					name.len);
	if (IS_ERR(next.dentry))
		return false;
	t->reached = max_t(ssize_t, t->reached, t->asked - sluice_steps_left(&t->steps));
	/* What is below it is not what the path means. */
	if (d_mountpoint(next.dentry) && path_is_mountpoint(&next))
		t->certain = false;
	if (t->follow && d_is_symlink(next.dentry))
		return follow(t, next.dentry, name);
	if (!spell(t, name)) {
		dput(next.dentry);
		return give_up(t);
	}
	move_to(t, next.dentry);
	t->named = true;
	return t->certain;
}

static void go(struct sluice_trace *t)
{
	struct span name;

	while (sluice_steps_next(&t->steps, &name)) {
		if (!d_can_lookup(t->end.dentry))
			return;
		/* The first time it is of what was asked for, and not of a symlink. */
		if (!t->dir && !sluice_steps_left(&t->steps))
			t->dir = dget(t->end.dentry);
		if (!step(t, name))
			return;
	}
	t->whole = true;
}

/**
 * sluice_trace() - go along a path
 * @root:   docroot, counted
 * @place:  of it, counted
 * @name:   absolute below it
 * @follow: symlinks too; else the first one is the end
 *
 * It stops at its end, at what is no directory or lets the caller not pass, at a mount, at a
 * symlink that leads out.  What it comes to is to be compared with the kernel's own walk,
 * and judged by the chains.
 *
 * Context: process, under the docroot's credentials.
 * Return: for sluice_trace_free(), or NULL without memory.
 */
struct sluice_trace *sluice_trace(struct sluice_docroot *root, struct sluice_place *place,
				  const u8 *name, bool follow)
{
	struct sluice_trace *t = kvmalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	memset(t, 0, offsetof(struct sluice_trace, spelled));
	t->root = root;
	t->place = place;
	t->follow = follow;
	t->certain = true;
	t->asked = strlen((const char *)name);
	t->end = place->path;
	path_get(&t->end);
	if (sluice_steps_begin(&t->steps, (const char *)name))
		t->certain = false;
	else
		go(t);
	return t;
}

/* Context: process. NULL is nothing. */
void sluice_trace_free(struct sluice_trace *trace)
{
	if (!trace)
		return;
	sluice_bends_release(trace->bends);
	dput(trace->dir);
	path_put(&trace->end);
	kvfree(trace);
}
