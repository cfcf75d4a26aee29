// SPDX-License-Identifier: GPL-2.0

#include "llhttp.h"
#include "reading.h"

struct progress {
	struct reading	*its;
	bool		head;
	bool		message;
	bool		head_only;
};

static int on_head(llhttp_t *parser)
{
	struct progress *progress = parser->data;
	struct reading *its = progress->its;

	its->minor = parser->http_minor;
	its->chunked = parser->flags & F_CHUNKED;
	its->content_length = parser->content_length;
	its->keep_alive = llhttp_should_keep_alive(parser);
	its->upgrade = parser->upgrade;
	its->status = parser->status_code;
	progress->head = true;
	/* 1: there is no body.  For llhttp it is the caller who knows it of a 304. */
	return progress->head_only || (parser->type == HTTP_RESPONSE && its->status == 304);
}

static int on_message(llhttp_t *parser)
{
	struct progress *progress = parser->data;

	progress->message = true;
	return 0;
}

/* By single bytes, so that it is known at which one something happens. */
static void read_bytes(struct span input, llhttp_type_t type, struct progress *progress)
{
	struct reading *its = progress->its;
	llhttp_settings_t settings;
	llhttp_t parser;
	size_t i;

	memset(its, 0, sizeof(*its));
	llhttp_settings_init(&settings);
	settings.on_headers_complete = on_head;
	settings.on_message_complete = on_message;
	llhttp_init(&parser, type, &settings);
	parser.data = progress;
	for (i = 0; i < input.len && !its->end; i++) {
		llhttp_errno_t error = llhttp_execute(&parser, (const char *)input.ptr + i, 1);

		if (error && !progress->message) {
			its->error = llhttp_errno_name(error);
			its->at = i;
			return;
		}
		if (progress->head && !its->head_len)
			its->head_len = i + 1;
		if (progress->message)
			its->end = i + 1;
	}
}

void reading_of(struct span input, struct reading *its)
{
	struct progress progress = { .its = its };

	read_bytes(input, HTTP_REQUEST, &progress);
}

/* @head_only: of the response to HEAD */
void reading_of_response(struct span input, bool head_only, struct reading *its)
{
	struct progress progress = { .its = its, .head_only = head_only };

	read_bytes(input, HTTP_RESPONSE, &progress);
}
