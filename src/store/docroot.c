// SPDX-License-Identifier: GPL-2.0
/*
 * The directory that is served, and the identity that opens its files.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/namei.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "store/docroot.h"

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

/**
 * sluice_docroot_open() - pin a directory
 * @name:   as the calling process sees it
 * @run_as: uid and gid that files will be opened with
 *
 * Context: process.
 * Return: a docroot with one reference, or ERR_PTR: -EPERM for "/", -EINVAL for
 * an id that does not exist, and what the lookup says.
 */
struct sluice_docroot *sluice_docroot_open(const char *name, uid_t run_as)
{
	struct sluice_docroot *root;
	int err;

	root = kzalloc(sizeof(*root), GFP_KERNEL);
	if (!root)
		return ERR_PTR(-ENOMEM);
	refcount_set(&root->ref, 1);

	root->cred = unprivileged_cred(run_as);
	if (IS_ERR(root->cred)) {
		err = PTR_ERR(root->cred);
		goto err_free;
	}

	err = kern_path(name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &root->path);
	if (err)
		goto err_put_cred;
	get_fs_root(current->fs, &root->top);
	if (path_equal(&root->path, &root->top)) {
		err = -EPERM;
		goto err_put_paths;
	}
	return root;

err_put_paths:
	path_put(&root->top);
	path_put(&root->path);
err_put_cred:
	put_cred(root->cred);
err_free:
	kfree(root);
	return ERR_PTR(err);
}

/* Context: process; the last one may sleep. */
void sluice_docroot_put(struct sluice_docroot *root)
{
	if (!refcount_dec_and_test(&root->ref))
		return;
	path_put(&root->top);
	path_put(&root->path);
	put_cred(root->cred);
	kfree(root);
}
