// SPDX-License-Identifier: GPL-2.0
/*
 * The directory that is served, and the identity that opens its files.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/jiffies.h>
#include <linux/namei.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/lane.h"
#include "store/backing.h"
#include "store/docroot.h"

/* How long a place may be kept that nobody asks for any more. */
#define WATCH_INTERVAL HZ

/* Somebody renames on the way while we go it. */
#define FIND_TRIES 4

/* User and group @id, no other group, no capability, everything else as init. */
static const struct cred *unprivileged_cred(uid_t id)
{
	struct group_info *groups;
	struct cred *cred;
	kuid_t uid = make_kuid(&init_user_ns, id);
	kgid_t gid = make_kgid(&init_user_ns, id);

	if (!uid_valid(uid) || !gid_valid(gid))
		return ERR_PTR(-EINVAL);

	cred = prepare_kernel_cred(&init_task);
	if (!cred)
		return ERR_PTR(-ENOMEM);
	groups = groups_alloc(0);
	if (!groups) {
		put_cred(cred);
		return ERR_PTR(-ENOMEM);
	}
	set_groups(cred, groups);
	put_group_info(groups);

	cred->uid = uid;
	cred->euid = uid;
	cred->suid = uid;
	cred->fsuid = uid;
	cred->gid = gid;
	cred->egid = gid;
	cred->sgid = gid;
	cred->fsgid = gid;
	cap_clear(cred->cap_inheritable);
	cap_clear(cred->cap_permitted);
	cap_clear(cred->cap_effective);
	cap_clear(cred->cap_bset);
	cap_clear(cred->cap_ambient);
	return cred;
}

/* --- a place --------------------------------------------------------------- */

static struct sluice_place *place_create(void)
{
	struct sluice_place *place = kzalloc(sizeof(*place), GFP_KERNEL);

	if (place)
		refcount_set(&place->ref, 1);
	return place;
}

/* Context: process: the last one may sleep. */
void sluice_place_put(struct sluice_place *place)
{
	if (!refcount_dec_and_test(&place->ref))
		return;
	sluice_trail_release(&place->trail);
	path_put(&place->path);
	kfree(place->plain);
	kfree(place);
}

/*
 * What the kernel's walk says counts; the trail says for how long.  From the top, as the
 * one who named it sees it, wherever that is in the meantime.
 */
static int place_walk(const struct sluice_docroot *root, struct path *path)
{
	int err = vfs_path_lookup(root->top.dentry, root->top.mnt, root->name + 1,
				  LOOKUP_FOLLOW | LOOKUP_DIRECTORY, path);

	if (!err && path_equal(path, &root->top)) {
		path_put(path);
		*path = (struct path){ };
		err = -EPERM;
	}
	return err;
}

/* @place is all empty, and the caller's to put, whatever comes of it. */
static int place_follow(const struct sluice_docroot *root, struct sluice_place *place)
{
	struct path end;
	int err;

	place->plain = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!place->plain)
		return -ENOMEM;
	err = sluice_trail_lay(&place->trail, root->name, &root->top, &end, place->plain);
	if (err)
		return err;
	err = place_walk(root, &place->path);
	if (!err && !(path_equal(&end, &place->path) && sluice_trail_holds(&place->trail)))
		err = -EAGAIN;
	path_put(&end);
	return err;
}

/* Return: a place with one reference, or ERR_PTR. Context: process, under credentials. */
static struct sluice_place *place_find(const struct sluice_docroot *root)
{
	int tries = FIND_TRIES;
	int err;

	do {
		struct sluice_place *place = place_create();

		if (!place)
			return ERR_PTR(-ENOMEM);
		err = place_follow(root, place);
		if (!err)
			return place;
		sluice_place_put(place);
	} while (err == -EAGAIN && --tries);
	return ERR_PTR(err);
}

static struct sluice_place *place_find_as(const struct sluice_docroot *root,
					  const struct cred *cred)
{
	const struct cred *old = override_creds(cred);
	struct sluice_place *place = place_find(root);

	revert_creds(old);
	return place;
}

/* --- the one that is current ------------------------------------------------- */

/*
 * Whoever may turn docroot's name has it lead where those who open the files may go, and
 * nowhere else.  Where it led all along, who named it knows what he did: there a mark may
 * have moved for nothing.
 */
static struct sluice_place *find_again(const struct sluice_docroot *root,
				       const struct sluice_place *was)
{
	struct sluice_place *place = place_find_as(root, root->cred);

	if (place != ERR_PTR(-EACCES) || !was)
		return place;
	place = place_find_as(root, root->opener);
	if (!IS_ERR(place) && !path_equal(&place->path, &was->path)) {
		sluice_place_put(place);
		place = ERR_PTR(-EACCES);
	}
	return place;
}

/* Return: what its file system is called if no file of it can be served, or NULL. */
static const char *place_unfit(const struct sluice_place *place)
{
	const struct dentry *dentry = place->path.dentry;

	return sluice_backing_is_fit(dentry) ? NULL : dentry->d_sb->s_type->name;
}

static void tell(struct sluice_docroot *root, const struct sluice_place *place)
{
	int err = PTR_ERR_OR_ZERO(place);

	if (!err && place_unfit(place))
		pr_warn_ratelimited("docroot=%s: leads to %s, of which no file can be served\n",
				    root->name, place_unfit(place));

	if (err && err != root->err)
		pr_warn_ratelimited("docroot=%s: leads nowhere that can be served any more (%pe); looked for with each request, which is the backend's meanwhile\n",
				    root->name, ERR_PTR(err));
	else if (!err && root->err)
		pr_info_ratelimited("docroot=%s: leads to %s, which is served again\n",
				    root->name, place->plain);
	else if (!err && !path_equal(&place->path, &root->place->path))
		pr_info_ratelimited("docroot=%s: leads to %s now\n", root->name,
				    place->plain);
	root->err = err;
}

static void replace(struct sluice_docroot *root)
{
	struct sluice_place *old = root->place;
	struct sluice_place *place = find_again(root, old);

	tell(root, place);
	root->place = IS_ERR(place) ? NULL : place;
	if (old)
		sluice_place_put(old);
}

/**
 * sluice_docroot_find() - where is it now
 * @root: counted
 *
 * Context: process, in the slow lane, or whoever wants what is old to be let go of.
 * Return: a place with a reference for the caller, or ERR_PTR: what the walk says.
 */
struct sluice_place *sluice_docroot_find(struct sluice_docroot *root)
{
	struct sluice_place *place;

	mutex_lock(&root->lock);
	if (!root->place || !sluice_trail_holds(&root->place->trail))
		replace(root);
	place = root->place;
	if (place)
		sluice_place_hold(place);
	else
		place = ERR_PTR(root->err);
	mutex_unlock(&root->lock);
	return place;
}

/**
 * sluice_docroot_settle() - let go of where it was, if it is elsewhere now
 * @root: counted
 *
 * Context: process.
 */
void sluice_docroot_settle(struct sluice_docroot *root)
{
	struct sluice_place *place = sluice_docroot_find(root);

	if (!IS_ERR(place))
		sluice_place_put(place);
}

/**
 * sluice_docroot_unfit() - is it on a file system of which nothing can be served
 * @root: counted
 *
 * What is mounted below it may be another matter.
 * Context: process.
 * Return: what that is called, or NULL; good as long as the module of that name is there,
 * which it is while docroot is.
 */
const char *sluice_docroot_unfit(struct sluice_docroot *root)
{
	struct sluice_place *place = sluice_docroot_find(root);
	const char *name;

	if (IS_ERR(place))
		return NULL;
	name = place_unfit(place);
	sluice_place_put(place);
	return name;
}

/* Return: the place that was found last, counted, or NULL. */
static struct sluice_place *last_place(struct sluice_docroot *root)
{
	struct sluice_place *place;

	mutex_lock(&root->lock);
	place = root->place;
	if (place)
		sluice_place_hold(place);
	mutex_unlock(&root->lock);
	return place;
}

/* Without the lock: a file system on the way may not answer, and lookups go on. */
static bool is_still_there(const struct sluice_docroot *root,
			   const struct sluice_place *was)
{
	struct sluice_place *place = find_again(root, was);
	bool same;

	if (IS_ERR(place))
		return false;
	same = path_equal(&place->path, &was->path);
	sluice_place_put(place);
	return same;
}

/*
 * With nobody asking, a release that is not served any more would be kept from being
 * unmounted.  And the marks do not show all if the trail is loose.
 */
static void watch_work(struct work_struct *work)
{
	struct sluice_docroot *root =
		container_of(to_delayed_work(work), struct sluice_docroot, watch);
	struct sluice_place *place = last_place(root);

	if (place) {
		if (place->trail.loose && !is_still_there(root, place))
			sluice_trail_break(&place->trail);
		sluice_place_put(place);
		sluice_docroot_settle(root);
	}
	queue_delayed_work(sluice_housekeeping, &root->watch, WATCH_INTERVAL);
}

/* --- docroot ---------------------------------------------------------------- */

static char *docroot_name(const char *name)
{
	size_t len = strlen(name);

	while (len > 1 && name[len - 1] == '/')
		len--;
	return kstrndup(name, len, GFP_KERNEL);
}

/* @why: 0: so it was said; or what speaks against following the name. */
static struct sluice_place *pin_place(const struct sluice_docroot *root, int why)
{
	struct sluice_place *place = place_create();
	int err;

	if (!place)
		return ERR_PTR(-ENOMEM);
	err = kern_path(root->name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &place->path);
	if (err) {
		sluice_place_put(place);
		return ERR_PTR(err);
	}
	if (why && why != -EPERM)
		pr_warn("docroot=%s: cannot be followed (%pe); the directory stays the same till it is written again\n",
			root->name, ERR_PTR(why));
	return place;
}

static int docroot_begin(struct sluice_docroot *root, bool pin)
{
	struct sluice_place *place = pin ? NULL : place_find(root);

	if (IS_ERR_OR_NULL(place))
		place = pin_place(root, PTR_ERR_OR_ZERO(place));
	if (IS_ERR(place))
		return PTR_ERR(place);
	root->place = place;
	if (path_equal(&place->path, &root->top))
		return -EPERM;
	if (place->trail.count)
		queue_delayed_work(sluice_housekeeping, &root->watch, WATCH_INTERVAL);
	return 0;
}

static void docroot_free(struct sluice_docroot *root)
{
	cancel_delayed_work_sync(&root->watch);
	if (root->place)
		sluice_place_put(root->place);
	path_put(&root->top);
	put_cred(root->opener);
	put_cred(root->cred);
	kfree(root->name);
	kfree(root);
}

/**
 * sluice_docroot_open() - find a directory, and follow it
 * @name:   as the calling process sees it
 * @run_as: uid and gid that files will be opened with
 * @pin:    stay with the directory, wherever the name leads later; so it is anyway if the
 *          name does not begin with a slash, or leads over too much
 *
 * Context: process.
 * Return: a docroot with one reference, or ERR_PTR: -EPERM for "/", -EINVAL for
 * an id that does not exist, and what the lookup says.
 */
struct sluice_docroot *sluice_docroot_open(const char *name, uid_t run_as, bool pin)
{
	const struct cred *cred = unprivileged_cred(run_as);
	struct sluice_docroot *root;
	int err = -ENOMEM;

	if (IS_ERR(cred))
		return ERR_CAST(cred);
	root = kzalloc(sizeof(*root), GFP_KERNEL);
	if (!root) {
		put_cred(cred);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&root->ref, 1);
	mutex_init(&root->lock);
	INIT_DELAYED_WORK(&root->watch, watch_work);
	root->cred = cred;
	root->opener = get_current_cred();
	get_fs_root(current->fs, &root->top);
	root->name = docroot_name(name);
	if (root->name)
		err = docroot_begin(root, pin || name[0] != '/');
	if (!err)
		return root;
	docroot_free(root);
	return ERR_PTR(err);
}

/* Context: process; the last one may sleep. */
void sluice_docroot_put(struct sluice_docroot *root)
{
	if (refcount_dec_and_test(&root->ref))
		docroot_free(root);
}

static size_t leads_along(const char *text, const char *name)
{
	size_t len = strlen(name);

	if (len < 2 || strncmp(text, name, len) || (text[len] && text[len] != '/'))
		return 0;
	return len;
}

/**
 * sluice_docroot_leads_in() - does an absolute symlink lead into docroot
 * @root:  counted
 * @place: of it, counted
 * @text:  what it says, and the rest of the name that led over it
 *
 * By docroot's name, or by that without symlinks: that both lead to @place is what the
 * trail says, and is true as long as that holds.  No other way is gone, for it would be
 * outside.
 *
 * Context: any.
 * Return: bytes of @text that lead to docroot itself, or 0.
 */
size_t sluice_docroot_leads_in(const struct sluice_docroot *root,
			       const struct sluice_place *place, const char *text)
{
	if (!place->trail.count)
		return 0;
	return leads_along(text, root->name) ?: leads_along(text, place->plain);
}
