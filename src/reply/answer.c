// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a request, whoever answered it.
 */
#include "base/pass_through.h"
#include "reply/answer.h"

static enum sluice_stat error_stat(u16 status)
{
	switch (status) {
	case 400: return SLUICE_STAT_ERROR_400;
	case 403: return SLUICE_STAT_ERROR_403;
	case 404: return SLUICE_STAT_ERROR_404;
	case 405: return SLUICE_STAT_ERROR_405;
	case 412: return SLUICE_STAT_ERROR_412;
	case 413: return SLUICE_STAT_ERROR_413;
	case 414: return SLUICE_STAT_ERROR_414;
	case 416: return SLUICE_STAT_ERROR_416;
	case 431: return SLUICE_STAT_ERROR_431;
	case 501: return SLUICE_STAT_ERROR_501;
	case 505: return SLUICE_STAT_ERROR_505;
	}
	return SLUICE_STAT_ERROR_503;
}

static void count_status(const struct sluice_answer *answer)
{
	switch (answer->status) {
	case 206:
		sluice_stat_inc(answer->stats, SLUICE_STAT_PARTIAL);
		fallthrough;
	case 200:
		sluice_stat_inc(answer->stats, SLUICE_STAT_SERVED);
		break;
	case 204:
		sluice_stat_inc(answer->stats, SLUICE_STAT_OPTIONS_ANSWERED);
		break;
	case 301:
		sluice_stat_inc(answer->stats, SLUICE_STAT_REDIRECTED);
		break;
	case 304:
		sluice_stat_inc(answer->stats, SLUICE_STAT_NOT_MODIFIED);
		break;
	default:
		sluice_stat_inc(answer->stats, SLUICE_STAT_ERRORS);
		sluice_stat_inc(answer->stats, error_stat(answer->status));
	}
}

/**
 * sluice_request_done() - a request has ended
 * @answer:  its request is open, and is not any more
 * @outcome: how
 *
 * The only place where requests are counted: each goes through here, once.
 * Context: any; callers for one answer serialised.
 */
void sluice_request_done(struct sluice_answer *answer, enum sluice_outcome outcome)
{
	if (SLUICE_WARN_ON(!answer->is_open))
		return;
	answer->is_open = false;
	switch (outcome) {
	case SLUICE_ANSWERED:
	case SLUICE_CUT_SHORT:
		sluice_stat_inc(answer->stats, SLUICE_STAT_REQUESTS);
		count_status(answer);
		break;
	case SLUICE_HANDED_OVER:
		sluice_stat_inc(answer->stats, SLUICE_STAT_REQUESTS);
		sluice_stat_inc(answer->stats, SLUICE_STAT_HANDED_OVER);
		sluice_stat_inc(answer->stats, answer->why);
		break;
	case SLUICE_FORGOTTEN:
		break;
	}
}

/**
 * sluice_request_abandon() - whatever is open will not come to its end
 * @answer: of a connection that dies
 *
 * Context: as sluice_request_done().
 */
void sluice_request_abandon(struct sluice_answer *answer)
{
	if (answer->is_open)
		sluice_request_done(answer, answer->ops ? SLUICE_CUT_SHORT : SLUICE_FORGOTTEN);
}
