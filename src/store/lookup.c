// SPDX-License-Identifier: GPL-2.0
/*
 * From a path to an object: rooted lookup as an unprivileged user.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/stats.h"
#include "compat/fs.h"
#include "compat/fsnotify.h"
#include "store/backing.h"
#include "store/cache.h"
#include "store/docroot.h"
#include "store/lookup.h"
#include "store/object.h"
#include "store/routes.h"
#include "store/site.h"
#include "store/trace.h"
#include "store/zip.h"

/* A rename during a scoped lookup makes it fail with -EAGAIN. */
#define LOOKUP_TRIES 4

static int walk_from_top(const struct sluice_docroot *root, const char *name,
			 unsigned int flags, struct path *path)
{
	return vfs_path_lookup(root->top.dentry, root->top.mnt, name + 1,
			       flags, path);
}

/* Return: -ENOENT if @name is not the docroot's, that being out of reach. */
static int check_name(const struct sluice_docroot *root, const struct sluice_place *place,
		      const char *name)
{
	struct path path;
	int err;

	err = walk_from_top(root, name, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	err = path_equal(&path, &place->path) ? 0 : -ENOENT;
	path_put(&path);
	return err;
}

/*
 * Symlinks that lead out of the docroot, as the administrator wants it: then the
 * name is one of the system, and each of its directories must let the user pass.
 * A docroot that was unmounted has the name of what is not below it.
 */
static int walk_anywhere(const struct sluice_docroot *root,
			 const struct sluice_place *place, const u8 *name,
			 unsigned int flags, struct path *path)
{
	char *buf, *own, *full = NULL;
	int err = -ENOMEM;

	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	own = d_path(&place->path, buf, PATH_MAX);
	if (IS_ERR(own)) {
		err = PTR_ERR(own);
		goto out;
	}
	err = check_name(root, place, own);
	if (err)
		goto out;
	full = kasprintf(GFP_KERNEL, "%s%s", own, name);
	err = full ? walk_from_top(root, full, flags, path) : -ENOMEM;
out:
	kfree(full);
	kfree(buf);
	return err;
}

static int walk_beneath(const struct path *root, const char *name, unsigned int flags,
			struct path *path)
{
	int tries = LOOKUP_TRIES;
	int err;

	do {
		err = vfs_path_lookup(root->dentry, root->mnt, name, flags | LOOKUP_BENEATH,
				      path);
	} while (err == -EAGAIN && --tries);
	return err;
}

static int walk_spelled(const struct path *root, struct sluice_trace *t, unsigned int flags,
			struct path *path)
{
	int err;

	if (!t || !t->certain || !t->back || t->out)
		return -EXDEV;
	if (t->whole && !t->len) {
		*path = *root;
		path_get(path);
		return 0;
	}
	/* What is no directory, or lets nobody pass, is not gone beyond: why? */
	strscpy((char *)t->spelled + t->len, t->whole ? "" : "/.",
		sizeof(t->spelled) - t->len);
	err = walk_beneath(root, (const char *)t->spelled + 1, flags | LOOKUP_NO_SYMLINKS, path);
	if (err || t->whole)
		return err;
	path_put(path);
	return -EXDEV;
}

/*
 * An absolute symlink, or one that leads up too far.  Where the former leads back into
 * docroot the kernel is asked for the same without symlinks.
 */
static int walk_back_in(const struct sluice_site *site, struct sluice_place *place,
			const u8 *name, unsigned int flags, struct path *path)
{
	struct sluice_trace *t = sluice_trace(site->docroot, place, name, true);
	int err = walk_spelled(&place->path, t, flags, path);

	sluice_trace_free(t);
	return err;
}

/* Context: under the docroot's credentials. @name is NUL-terminated, "/...". */
static int walk(const struct sluice_site *site, struct sluice_place *place,
		const u8 *name, unsigned int flags, struct path *path)
{
	int err;

	flags |= LOOKUP_FOLLOW | LOOKUP_NO_MAGICLINKS;
	if (site->symlinks == SLUICE_SYMLINKS_ANY)
		return walk_anywhere(site->docroot, place, name, flags, path);
	if (site->symlinks == SLUICE_SYMLINKS_NONE)
		flags |= LOOKUP_NO_SYMLINKS;
	err = walk_beneath(&place->path, (const char *)name + 1, flags, path);
	if (err == -EXDEV && site->symlinks == SLUICE_SYMLINKS_BENEATH)
		err = walk_back_in(site, place, name, flags, path);
	return err;
}

static int refuse_special(const struct sluice_place *place, const struct path *path)
{
	struct inode *inode = d_inode(path->dentry);

	if (sluice_backing_folds_names(place->path.dentry) ||
	    sluice_backing_folds_names(path->dentry))
		return -EOPNOTSUPP;
	if (S_ISDIR(inode->i_mode))
		return inode_permission(mnt_idmap(path->mnt), inode,
					MAY_READ | MAY_OPEN) ?: -EISDIR;
	if (!S_ISREG(inode->i_mode))
		return -ENOENT;
	return sluice_backing_is_fit(path->dentry) ? 0 : -EOPNOTSUPP;
}

static int refuse_mode(const struct sluice_site *site, umode_t mode)
{
	umode_t forbidden = mode & site->mode_forbidden;

	/* A program: the backend may run it, nobody should read it. */
	if (forbidden & 0111)
		return -ETXTBSY;
	if (forbidden || (mode & site->mode_required) != site->mode_required)
		return -EPERM;
	return 0;
}

/* By owner and mode he may: then it is SELinux, or another of these, who says that not. */
static int who_refuses(const struct path *path, int err)
{
	if (err == -EACCES &&
	    !generic_permission(mnt_idmap(path->mnt), d_inode(path->dentry), MAY_READ))
		return -EKEYREJECTED;
	return err;
}

/*
 * As open(2) does it.  dentry_open() does not check MAY_READ.  O_NONBLOCK: do not wait
 * for the holder of a lease.
 */
static struct file *open_checked(const struct path *path, const struct cred *cred)
{
	struct file *file;
	int err;

	err = inode_permission(mnt_idmap(path->mnt), d_inode(path->dentry),
			       MAY_READ | MAY_OPEN);
	if (err)
		return ERR_PTR(who_refuses(path, err));
	file = dentry_open(path, O_RDONLY | O_NONBLOCK | O_LARGEFILE |
			   O_NOATIME, cred);
	if (IS_ERR(file))
		return ERR_PTR(who_refuses(path, PTR_ERR(file)));
	err = compat_post_open(file);
	if (!err)
		err = sluice_backing_check(file);
	if (!err)
		return file;
	fput(file);
	return ERR_PTR(err);
}

/*
 * Opens what the walk found.  Kind first: opening a FIFO or a device would have
 * effects.  Who watches before: he would be asked who reads, and could keep us waiting; as
 * he does if his mark comes in between.
 */
static struct file *open_found(const struct sluice_site *site,
			       const struct sluice_place *place, const struct path *path)
{
	struct inode *inode = d_inode(path->dentry);
	int err;

	err = refuse_special(place, path);
	if (err)
		return ERR_PTR(err);
	err = refuse_mode(site, READ_ONCE(inode->i_mode));
	if (err)
		return ERR_PTR(err);
	if (compat_is_watched(path))
		return ERR_PTR(-EBUSY);
	return open_checked(path, site->docroot->cred);
}

/**
 * struct finding - a lookup under way
 * @site:     counted by the caller
 * @place:    where its docroot is, likewise
 * @key:      what was asked for
 * @host_len: so many bytes of it are the host's directory
 * @name:     what is tried for it, NUL-terminated
 * @buf:      of @name, and of the names beside it
 * @dir:      counted by the caller: where the siblings so far are
 * @bends:    symlinks on the way to @name, if a chain does not say it all
 * @beside:   then, counted: where the last component of @name is, a symlink or not
 * @siblings: what is beside it
 * @guards:   of @guard
 * @guard:    that no directory on the way has one; or the last is there
 * @guarded:  it is
 * @certain:  the cache can tell whether all of this still holds
 * @began:    jiffies
 */
struct finding {
	const struct sluice_site	*site;
	struct sluice_place		*place;
	struct span			key;
	size_t				host_len;
	struct span			name;
	u8				*buf;
	const struct dentry		*dir;
	struct sluice_bend		*bends;
	struct dentry			*beside;
	struct sluice_siblings		siblings;
	unsigned int			guards;
	struct sluice_guard		guard[SLUICE_GUARDS_MAX];
	bool				guarded;
	bool				certain;
	unsigned long			began;
};

/* As find_directory() is asked for it: the name ends with a slash. */
static bool is_directory_name(struct span name)
{
	return name.ptr[name.len - 1] == '/';
}

static struct span last_component(struct span name)
{
	const u8 *end = name.ptr + name.len;
	const u8 *p = end;

	while (p[-1] != '/')
		p--;
	return span_make(p, end);
}

/*
 * Remember what @name in @dir is, or that it is nothing.  Sample first, look at
 * the file afterwards: only what is checked after the sample is covered by it.
 */
static struct sluice_sibling *add_sibling(struct finding *f,
					  const struct path *dir,
					  struct span name)
{
	struct sluice_siblings *siblings = &f->siblings;
	struct sluice_sibling *sibling;
	struct dentry *dentry;
	struct path path;

	if (name.len > NAME_MAX)
		return NULL;	/* there can be none, ever */
	if (siblings->count == SLUICE_SIBLINGS_MAX) {
		f->certain = false;
		return NULL;
	}
	dentry = compat_lookup_one(dir->mnt, dir->dentry,
				   (const char *)name.ptr, name.len);
	if (IS_ERR(dentry)) {
		f->certain = false;
		return NULL;
	}
	sibling = &siblings->sibling[siblings->count++];
	memset(sibling, 0, sizeof(*sibling));
	sibling->dentry = dentry;
	path = (struct path){ .mnt = dir->mnt, .dentry = dentry };
	if (!sluice_link_sample(&sibling->link, &path, dir->dentry))
		f->certain = false;
	return sibling;
}

/* There was no such file: let that be part of what has to hold. */
static void add_absent(struct finding *f, const struct path *dir,
		       struct span name)
{
	const struct sluice_sibling *sibling = add_sibling(f, dir, name);

	if (sibling && !sibling->link.negative)
		f->certain = false;	/* it came meanwhile */
}

/* What open_found() says about a file, as long as that is what it is. */
static bool is_verdict(long err)
{
	return err == -EACCES || err == -EPERM || err == -ENOENT || err == -EISDIR ||
	       err == -ETXTBSY || err == -EOPNOTSUPP;
}

/* It was made of what the file was before; or it is not made yet, and its file is not empty. */
static bool is_of_no_use(const struct sluice_sibling *sibling, const struct inode *base,
			 s64 base_mtime)
{
	return sibling->mtime < base_mtime || (!sibling->size && i_size_read(base));
}

/* Send this one instead, if it is as new as the file it is made of. */
static void use_sibling(struct finding *f, struct sluice_sibling *sibling,
			const struct path *path, const struct inode *base, s64 base_mtime)
{
	struct sluice_naming naming = {
		.name	= f->name,
		.coding	= http_coding_name(sibling->coding),
		.vary	= true,
	};
	struct sluice_object *obj;
	struct file *file;

	sibling->mtime = inode_get_mtime_sec(d_inode(path->dentry));
	sibling->size = i_size_read(d_inode(path->dentry));
	file = open_found(f->site, f->place, path);
	if (IS_ERR(file)) {
		/* May it not be served, or could it not be opened just now? */
		if (!is_verdict(PTR_ERR(file)) || sluice_backing_is_stacked(path->dentry))
			f->certain = false;
		return;
	}
	if (is_of_no_use(sibling, base, base_mtime)) {
		sluice_stat_inc(f->site->store->stats, SLUICE_STAT_SIBLINGS_STALE);
		fput(file);
		return;
	}
	obj = sluice_object_create(f->site, &naming, file);
	if (IS_ERR(obj)) {
		f->certain = false;
		return;
	}
	if (obj->mtime != sibling->mtime || obj->size != sibling->size)	/* what was compared */
		f->certain = false;
	sibling->obj = obj;
	f->siblings.usable++;
}

static void look_beside(struct finding *f, const struct path *dir,
			enum http_coding coding, const struct inode *base,
			s64 base_mtime)
{
	struct span suffix = http_coding_suffix(coding);
	struct span name = { f->buf, f->name.len + suffix.len };
	struct sluice_sibling *sibling;
	struct path path;

	memcpy(f->buf + f->name.len, suffix.ptr, suffix.len);
	f->buf[name.len] = '\0';
	sibling = add_sibling(f, dir, last_component(name));
	if (!sibling || sibling->link.negative)
		goto out;
	if (walk(f->site, f->place, name.ptr, 0, &path)) {
		f->certain = false;
		goto out;
	}
	/* Through a symlink: right for now, but not to be remembered. */
	if (path.dentry != sibling->dentry)
		f->certain = false;
	sibling->coding = coding;
	use_sibling(f, sibling, &path, base, base_mtime);
	path_put(&path);
out:
	f->buf[f->name.len] = '\0';
}

/* Or what the walks found was there only in between. */
static bool is_still_current(const struct sluice_object *obj)
{
	bool current_now;

	rcu_read_lock();
	current_now = sluice_object_is_current(obj);
	rcu_read_unlock();
	return current_now;
}

/*
 * A dentry must not outlive its mount.  An object that the cache will have is on
 * the docroot's, in one directory with its siblings, and its file holds the mount;
 * of others nobody will ask whether their siblings still hold.
 */
static void forget_names(struct sluice_siblings *siblings)
{
	unsigned int i;

	for (i = 0; i < siblings->count; i++) {
		dput(siblings->sibling[i].dentry);
		siblings->sibling[i].dentry = NULL;
	}
}

static void look_around(struct finding *f, const struct path *path, s64 mtime)
{
	struct path dir = {
		.mnt = path->mnt,
		.dentry = f->beside ? dget(f->beside) : dget_parent(path->dentry),
	};
	unsigned int i;

	/* An index that was looked for elsewhere: directories were swapped. */
	if (f->dir && f->dir != dir.dentry)
		f->certain = false;
	for (i = 0; i < f->site->codings; i++)
		look_beside(f, &dir, f->site->coding[i], d_inode(path->dentry), mtime);
	dput(dir.dentry);
}

/* @path was found for @f->name: make it an object with what is beside it. */
static struct sluice_object *open_with_siblings(struct finding *f,
						const struct path *path)
{
	struct sluice_naming naming = { .key = f->key, .name = f->name };
	struct sluice_object *obj;
	struct file *file;
	s64 mtime;
	bool zip;

	file = open_found(f->site, f->place, path);
	if (IS_ERR(file))
		return ERR_CAST(file);
	mtime = inode_get_mtime_sec(sluice_backing_inode(file));
	look_around(f, path, mtime);

	zip = sluice_zip_suits(f->site, f->name, file);
	naming.vary = f->siblings.usable || zip;
	obj = sluice_object_create(f->site, &naming, file);
	if (IS_ERR(obj)) {
		sluice_siblings_release(&f->siblings);
		return obj;
	}
	if (zip)
		sluice_zip_prepare(obj);
	/* Written to meanwhile: the siblings were compared with what it was. */
	if (obj->mtime != mtime) {
		f->certain = false;
		sluice_siblings_release(&f->siblings);
	}
	if (!f->certain)
		forget_names(&f->siblings);
	obj->siblings = f->siblings;
	f->siblings.count = 0;
	return obj;
}

/*
 * Asked here too, of the site whose name the object will bear: the one that the
 * request was decided under may be gone, and an index may be a program.
 */
static bool is_backends(const struct finding *f)
{
	struct span path = { f->name.ptr + f->host_len,
			     f->name.len - f->host_len };

	return sluice_routes_is_dynamic(f->site, path) ||
	       sluice_routes_is_hidden(f->site, path);
}

/* --- names on the way ------------------------------------------------------- */

#define GUARD ".htaccess"

/*
 * Remember what @dir has of that name, or that it has none.  @dir is counted by the caller
 * only: on another mount than docroot's it is looked at, and not remembered.
 */
static int look_for_guard_in(struct finding *f, const struct path *dir)
{
	struct sluice_guard *guard = &f->guard[f->guards];
	struct path path = { .mnt = dir->mnt };
	bool is_there;

	path.dentry = compat_lookup_one(dir->mnt, dir->dentry, GUARD, strlen(GUARD));
	if (path.dentry == ERR_PTR(-ENOENT)) {
		/* As procfs has it, which is not served; nothing is there to be remembered. */
		f->certain = false;
		return 0;
	}
	if (IS_ERR(path.dentry))
		return PTR_ERR(path.dentry);
	is_there = d_is_positive(path.dentry);
	if (f->guards == SLUICE_GUARDS_MAX || dir->mnt != f->place->path.mnt ||
	    !sluice_link_sample(&guard->link, &path, dir->dentry) || guard->link.foreign ||
	    guard->link.negative == is_there) {
		f->certain = false;
		dput(path.dentry);
	} else {
		guard->dentry = path.dentry;
		f->guards++;
	}
	f->guarded = is_there;
	return is_there ? -EREMOTE : 0;
}

/* In the directory that the first @len bytes of the name lead to. */
static int look_for_guard(struct finding *f, size_t len)
{
	struct path dir = f->place->path;
	u8 behind = f->buf[len];
	int err = 0;

	f->buf[len] = '\0';
	if (len)
		err = walk(f->site, f->place, f->buf, LOOKUP_DIRECTORY, &dir);
	else
		path_get(&dir);
	f->buf[len] = behind;
	if (err)
		return err;
	err = look_for_guard_in(f, &dir);
	path_put(&dir);
	return err;
}

static void forget_guards(struct finding *f)
{
	while (f->guards)
		dput(f->guard[--f->guards].dentry);
	f->guarded = false;
}

/*
 * Apache has rules for all that is below a directory with a .htaccess, itself included.
 * @end: what the name leads to.  Return: 0, -EREMOTE if there is one, or -errno.
 */
static int look_for_guards(struct finding *f, const struct dentry *end)
{
	size_t i;
	int err = 0;

	forget_guards(f);
	if (!f->site->htaccess)
		return 0;
	for (i = 0; !err && i < f->name.len; i++)
		if (f->name.ptr[i] == '/')
			err = look_for_guard(f, i);
	if (!err && d_is_dir(end))
		err = look_for_guard(f, f->name.len);
	return err;
}

/* The directories of a name, as look_for_guards() goes along them. */
static unsigned int directories_of(const struct finding *f, const struct dentry *end)
{
	unsigned int count = d_is_dir(end);
	size_t i;

	for (i = 0; i < f->name.len; i++)
		count += f->name.ptr[i] == '/';
	return count;
}

/*
 * Each must be of the directory that the chain vouches for; @end is where that begins.  Over
 * symlinks it is enough that there is one for each: if all chains hold at the end of this,
 * the walks in between went the same way.
 */
static bool guards_belong(const struct finding *f, const struct sluice_chain *chain,
			  const struct dentry *end)
{
	unsigned int depth = chain->len;
	bool ok;

	if (!f->site->htaccess)
		return true;
	if (f->bends)
		return f->guarded || f->guards == directories_of(f, end);
	rcu_read_lock();	/* keeps parents that are renamed away */
	ok = f->guarded || f->guards == depth + d_is_dir(end);
	do {
		ok = ok && (depth >= f->guards ||
			    READ_ONCE(f->guard[depth].dentry->d_parent) == end);
		end = READ_ONCE(end->d_parent);
	} while (depth--);
	rcu_read_unlock();
	return ok;
}

/* Return: false without memory. */
static bool give_guards(struct finding *f, struct sluice_object *obj)
{
	size_t size = f->guards * sizeof(*f->guard);

	if (!f->guards)
		return true;
	obj->guards = kmalloc(sizeof(*obj->guards) + size, GFP_KERNEL);
	if (!obj->guards)
		return false;
	obj->guards->count = f->guards;
	memcpy(obj->guards->guard, f->guard, size);
	f->guards = 0;
	return true;
}

/* What the sample does not account for: no errno. */
#define UNACCOUNTED 1

/*
 * What the lookup has to say about @f->name for all that the sample shows, @whole if the
 * sample is of all of the name and not of a beginning, @out if it is of a symlink that leads
 * out of docroot.  What the lookup did say goes into the cache only if this is the same:
 * reasons that are not in the sample could pass unnoticed, or a mode be other than it for a
 * moment.
 *
 * Return: 0 for a file, the error, or UNACCOUNTED.
 */
static int verdict_of(const struct finding *f, const struct sluice_chain *chain,
		      bool whole, bool out)
{
	const struct sluice_access *end = sluice_chain_end(chain);
	const struct vfsmount *mnt = f->place->path.mnt;
	const struct cred *cred = f->site->docroot->cred;
	int err;

	if (!sluice_chain_is_passable(chain, mnt, cred) ||
	    !sluice_bends_are_passable(f->bends, mnt, cred))
		return UNACCOUNTED;
	if (sluice_chain_is_negative(chain))
		return -ENOENT;
	if (S_ISLNK(end->mode))
		return out ? -EXDEV : UNACCOUNTED;
	if (!whole || is_directory_name(f->name)) {
		if (!S_ISDIR(end->mode))
			return -ENOTDIR;
		/* No index can be found where nobody may look for one. */
		if (sluice_access_allows(end, mnt, cred, MAY_EXEC) != whole)
			return UNACCOUNTED;
		return whole ? -ENODATA : -EACCES;
	}
	if (is_backends(f))
		return -ENOEXEC;
	if (f->guarded)
		return -EREMOTE;
	if (!S_ISDIR(end->mode) && !S_ISREG(end->mode))
		return -ENOENT;
	err = S_ISREG(end->mode) ? refuse_mode(f->site, end->mode) : 0;
	if (err)
		return err;
	if (!sluice_access_allows(end, mnt, cred, MAY_READ))
		return -EACCES;
	return S_ISDIR(end->mode) ? -EISDIR : 0;
}

/* Of what is no file, and no directory to be sent to, they are no matter. */
static bool needs_guards(const struct sluice_object *obj)
{
	return obj->file || obj->err == -EREMOTE || obj->err == -EISDIR;
}

/* All that it depends on was found to hold: others may have it from the cache. */
static void publish(struct finding *f, struct sluice_object *obj,
		    const struct sluice_chain *chain)
{
	obj->chain = *chain;
	if (needs_guards(obj) &&
	    (!guards_belong(f, chain, obj->at.dentry) || !give_guards(f, obj)))
		return;
	obj->place = f->place;
	sluice_place_hold(obj->place);
	obj->bends = f->bends;
	f->bends = NULL;
	if (sluice_chain_is_foreign(chain) || sluice_bends_are_foreign(obj->bends) ||
	    sluice_siblings_are_foreign(&obj->siblings))
		obj->until = (f->began + SLUICE_FOREIGN_TIME) ?: 1;
	if (!is_still_current(obj))
		return;
	if (obj->until)
		sluice_stat_inc(obj->store->stats, SLUICE_STAT_MOUNTED_ELSEWHERE);
	sluice_cache_insert(obj);
}

/* It did not come straight to @path: did it over symlinks that tell when they are others? */
static bool sample_bends(struct finding *f, const struct path *path,
			 struct sluice_chain *chain)
{
	struct sluice_trace *t;
	bool ok;

	if (f->site->symlinks != SLUICE_SYMLINKS_BENEATH)
		return false;
	t = sluice_trace(f->site->docroot, f->place, f->name.ptr, true);
	ok = t && t->whole && t->certain && t->dir && path_equal(&t->end, path) &&
	     sluice_chain_sample(chain, path, &f->place->path, sluice_trace_spelled(t));
	if (ok) {
		swap(f->bends, t->bends);
		swap(f->beside, t->dir);
	}
	sluice_trace_free(t);
	return ok;
}

/* Of a name that was tried. Before their mount may go. */
static void forget_bends(struct finding *f)
{
	sluice_bends_release(f->bends);
	dput(f->beside);
	f->bends = NULL;
	f->beside = NULL;
}

/*
 * Walks twice: the chain is sampled in between, so that what the second walk
 * finds is what the sample stands for.
 */
static struct sluice_object *open_name(struct finding *f)
{
	struct sluice_chain chain;
	struct sluice_object *obj;
	struct path first, path;
	int err;

	err = walk(f->site, f->place, f->name.ptr, 0, &first);
	if (err)
		return ERR_PTR(err);
	if (is_backends(f)) {
		obj = ERR_PTR(-ENOEXEC);
		goto out_put_first;
	}
	if (!sluice_chain_sample(&chain, &first, &f->place->path, f->name) &&
	    !sample_bends(f, &first, &chain))
		f->certain = false;
	err = look_for_guards(f, first.dentry);
	if (!err)
		err = walk(f->site, f->place, f->name.ptr, 0, &path);
	if (err) {
		obj = ERR_PTR(err);
		goto out_put_first;
	}
	if (!path_equal(&first, &path))
		f->certain = false;

	obj = open_with_siblings(f, &path);
	if (!IS_ERR(obj) && f->certain && !verdict_of(f, &chain, true, false))
		publish(f, obj, &chain);
	path_put(&path);
out_put_first:
	forget_bends(f);
	path_put(&first);
	return obj;
}

/* What happened, in the few words that a reply can be chosen by. */
static int plain_error(int err)
{
	switch (err) {
	case -EISDIR:
	case -ENODATA:
	case -ENOEXEC:
	case -EOPNOTSUPP:
	case -EBUSY:
	case -EREMOTE:
	case -ENOMEM:
	case -ETXTBSY:
	case -EPERM:
	case -EXDEV:
	case -EKEYREJECTED:
		return err;
	case -ELOOP:
		return -EXDEV;
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
		return -ENOENT;
	}
	return -EACCES;
}

/* The siblings, if any, must be of the directory that the chain vouches for. */
static bool siblings_belong(const struct finding *f, const struct dentry *end)
{
	const struct dentry *dir = is_directory_name(f->name) ?
		end : READ_ONCE(end->d_parent);

	return !f->siblings.count || f->dir == dir;
}

/* Does @t say all that there is to say about it?  Then it is in @chain. */
static bool accounts_for(const struct finding *f, const struct sluice_trace *t, int err,
			 struct sluice_chain *chain)
{
	if (!t->certain ||
	    !sluice_chain_sample(chain, &t->end, &f->place->path, sluice_trace_spelled(t)) ||
	    verdict_of(f, chain, t->whole, t->out) != err)
		return false;
	/* A host without a directory is another's: see find_for_host(). */
	if (t->reached <= f->host_len && err != -EACCES && err != -ENODATA)
		return false;
	return siblings_belong(f, t->end.dentry);
}

static void remember_trace(struct finding *f, struct sluice_trace *t, int err)
{
	struct sluice_chain chain;
	struct sluice_object *obj;

	swap(f->bends, t->bends);
	if (!accounts_for(f, t, err, &chain))
		return;
	obj = sluice_object_create_absent(f->site, f->key, plain_error(err), &t->end);
	if (IS_ERR(obj))
		return;
	obj->siblings = f->siblings;
	f->siblings.count = 0;
	publish(f, obj, &chain);
	sluice_object_put(obj);
}

/*
 * That a path leads to no file holds as long as a file that it leads to: until the
 * chain breaks, which begins with the name that is missing or that was no help.
 */
static void remember_error(struct finding *f, int err)
{
	struct sluice_trace *t;

	if (!f->certain || !sluice_backing_is_fit(f->place->path.dentry))
		return;
	/* It became the backend's only now: whoever decided did not know. */
	if (err != -ENOEXEC && is_backends(f))
		return;
	t = sluice_trace(f->site->docroot, f->place, f->name.ptr,
			 f->site->symlinks == SLUICE_SYMLINKS_BENEATH);
	if (t)
		remember_trace(f, t, err);
	forget_bends(f);
	sluice_trace_free(t);
}

static int find_directory(const struct sluice_site *site, struct sluice_place *place,
			  const u8 *name, struct path *dir)
{
	/* The docroot itself has no name below it. */
	if (name[1])
		return walk(site, place, name, LOOKUP_DIRECTORY, dir);
	*dir = place->path;
	path_get(dir);
	return 0;
}

/* The first index that is a file; that those before are none is part of it. */
static struct sluice_object *open_index(struct finding *f,
					const struct path *dir)
{
	struct sluice_object *obj = ERR_PTR(-ENODATA);
	unsigned int i;

	for (i = 0; i < f->site->index.count; i++) {
		struct span word = sluice_word(&f->site->index, i);

		memcpy(f->buf + f->key.len, word.ptr, word.len);
		f->name.len = f->key.len + word.len;
		f->buf[f->name.len] = '\0';
		obj = open_name(f);
		if (!IS_ERR(obj))
			return obj;
		/* An index that is no file is no index. */
		if (PTR_ERR(obj) == -EISDIR)
			f->certain = false;
		else if (PTR_ERR(obj) == -ENOENT)
			add_absent(f, dir, word);
		else
			return obj;
		obj = ERR_PTR(-ENODATA);
	}
	f->name.len = f->key.len;
	f->buf[f->name.len] = '\0';
	return obj;
}

static struct sluice_object *find_in_directory(struct finding *f)
{
	struct sluice_object *obj;
	struct path dir;
	int err;

	err = find_directory(f->site, f->place, f->buf, &dir);
	if (err) {
		remember_error(f, err);
		return ERR_PTR(err);
	}
	f->dir = dir.dentry;
	obj = open_index(f, &dir);
	if (IS_ERR(obj))
		remember_error(f, PTR_ERR(obj));
	/* Those that no object took: before their mount may go. */
	sluice_siblings_release(&f->siblings);
	path_put(&dir);
	return obj;
}

/* Context: under the docroot's credentials. */
static struct sluice_object *find(const struct sluice_site *site,
				  struct sluice_place *place, struct span key,
				  size_t host_len)
{
	struct finding *f = kzalloc(sizeof(*f), GFP_KERNEL);
	struct sluice_object *obj = ERR_PTR(-ENOMEM);

	if (!f)
		return obj;
	f->site = site;
	f->place = place;
	f->key = key;
	f->host_len = host_len;
	f->certain = true;
	f->began = jiffies;
	/* With an index and a suffix behind it. */
	f->buf = kmalloc(key.len + SLUICE_TEXT_MAX + 8, GFP_KERNEL);
	if (!f->buf)
		goto out;
	memcpy(f->buf, key.ptr, key.len);
	f->buf[key.len] = '\0';
	f->name = (struct span){ f->buf, key.len };

	if (is_directory_name(key)) {
		obj = find_in_directory(f);
	} else {
		obj = open_name(f);
		if (IS_ERR(obj))
			remember_error(f, PTR_ERR(obj));
	}
	forget_guards(f);
	kfree(f->buf);
out:
	kfree(f);
	return obj;
}

/*
 * A host that has no directory is served the default one's files, under the
 * default one's name: else every name that a client invents would have a place
 * in the cache.
 */
static struct sluice_object *find_for_host(const struct sluice_site *site,
					   struct sluice_place *place, struct span key,
					   size_t host_len)
{
	struct span fallback = sluice_text_span(&site->default_host);
	struct sluice_object *obj;
	struct path dir;
	size_t len;
	u8 *name;
	int err;

	len = 1 + max(host_len, fallback.len + key.len);
	name = kmalloc(len + 1, GFP_KERNEL);
	if (!name)
		return ERR_PTR(-ENOMEM);

	memcpy(name, key.ptr, host_len);
	name[host_len] = '\0';
	err = find_directory(site, place, name, &dir);
	if (!err) {
		path_put(&dir);
		obj = find(site, place, key, host_len);
		goto out;
	}
	if (err != -ENOENT && err != -ENOTDIR) {
		obj = ERR_PTR(err);
		goto out;
	}

	key.ptr += host_len;
	key.len -= host_len;
	name[0] = '/';
	memcpy(name + 1, fallback.ptr, fallback.len);
	memcpy(name + 1 + fallback.len, key.ptr, key.len);
	key = (struct span){ name, 1 + fallback.len + key.len };
	rcu_read_lock();
	obj = sluice_cache_get(site, key);
	rcu_read_unlock();
	if (!obj)
		obj = find(site, place, key, 1 + fallback.len);
out:
	kfree(name);
	return obj;
}

/* @moved: docroot has led elsewhere meanwhile. */
static struct sluice_object *find_in_place(const struct sluice_site *site, struct span path,
					   size_t host_len, bool *moved)
{
	struct sluice_place *place = sluice_docroot_find(site->docroot);
	struct sluice_object *obj;

	*moved = false;
	if (IS_ERR(place))
		return ERR_CAST(place);
	if (host_len)
		obj = find_for_host(site, place, path, host_len);
	else
		obj = find(site, place, path, 0);
	*moved = !sluice_trail_holds(&place->trail);
	sluice_place_put(place);
	return obj;
}

/*
 * What is missing where docroot was may have been removed because it is elsewhere now.
 * Context: under the docroot's credentials.
 */
static struct sluice_object *find_in_docroot(const struct sluice_site *site,
					     struct span path, size_t host_len)
{
	struct sluice_object *obj;
	int tries = LOOKUP_TRIES;
	bool moved;

	do {
		obj = find_in_place(site, path, host_len, &moved);
	} while (IS_ERR(obj) && moved && --tries);
	return obj;
}

static int probe_place(const struct path *path)
{
	struct inode *inode = d_inode(path->dentry);
	int err;

	err = inode_permission(mnt_idmap(path->mnt), inode, MAY_EXEC);
	if (err && !generic_permission(mnt_idmap(path->mnt), inode, MAY_EXEC))
		err = -EKEYREJECTED;
	return err;
}

/**
 * sluice_lookup_probe() - may files of a docroot be looked for at all
 * @site: its docroot is open
 * @kind: out: of its file system; good as long as docroot is there
 *
 * Context: process.
 * Return: 0; -EACCES if the user may not pass it; -EKEYREJECTED if a security module does
 * not let him; -EOPNOTSUPP for its file system; or where it led to is gone.
 */
int sluice_lookup_probe(const struct sluice_site *site, const char **kind)
{
	struct sluice_place *place = sluice_docroot_find(site->docroot);
	const struct cred *old;
	int err = -EOPNOTSUPP;

	if (IS_ERR(place))
		return PTR_ERR(place);
	*kind = place->path.mnt->mnt_sb->s_type->name;
	if (sluice_backing_is_fit(place->path.dentry)) {
		old = override_creds(site->docroot->cred);
		err = probe_place(&place->path);
		revert_creds(old);
	}
	sluice_place_put(place);
	return err;
}

/**
 * sluice_lookup() - find and open what a path names below the docroot
 * @store: whose site is asked
 * @path: absolute, normalised, NUL-terminated behind its last byte
 * @host_len: so many bytes of it are "/" and the directory of a host, or 0
 * @site_id: out: the site that this holds for, whatever is returned
 *
 * What can be certified goes into the cache; the rest is good for this answer.
 *
 * Context: process, in the slow lane.
 * Return: an object with a reference for the caller, or ERR_PTR: -ENOENT no
 * such file, or not a regular one; -EACCES not readable for the user; -EPERM its mode is not
 * one of those that are served; -EKEYREJECTED a security module does not let it be read;
 * -EXDEV by a symlink that is not followed; -ETXTBSY it may be executed; -EISDIR a directory
 * named without its slash; -ENODATA a directory without an index; -ENOEXEC a program;
 * -EOPNOTSUPP a file system whose pages cannot be sent; -EBUSY somebody wants to be asked
 * before it is read; -EREMOTE a directory on the way has rules of its own (.htaccess); -ENOMEM.
 */
struct sluice_object *sluice_lookup(struct sluice_store *store, struct span path,
				    size_t host_len, u64 *site_id)
{
	struct sluice_site *site = sluice_site_get(store);
	struct sluice_object *obj;
	const struct cred *old;

	sluice_stat_inc(store->stats, SLUICE_STAT_LOOKUPS);
	*site_id = site ? site->id : 0;
	if (!site)
		return ERR_PTR(-ENOENT);

	old = override_creds(site->docroot->cred);
	obj = find_in_docroot(site, path, host_len);
	revert_creds(old);

	sluice_site_put(site);
	return IS_ERR(obj) ? ERR_PTR(plain_error(PTR_ERR(obj))) : obj;
}
