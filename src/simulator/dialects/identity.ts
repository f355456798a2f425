// The endpoints that give out and check credentials: AWS's STS and Google's token endpoint. Leaves identities to aws/ and google/.
import type { ApiError } from "../api-error.ts";
import { STS } from "../aws/sts.ts";
import type { Ask, Caller, Dialect, Incoming, TextAnswer } from "../dialect.ts";
import { MESSAGES_FORM } from "./messages.ts";

/** Credentials are what the request asks for or proves itself, so there is no sender beforehand. */
const NO_MODEL = {
	...MESSAGES_FORM,
	maxBodyBytes: 1024 * 1024,
	promptRules: {},
	authenticate: (): Caller | null => null,
	gist: () => ({ model: null, stream: false }),
	read: (_visit: unknown, _caller: unknown, json: unknown): Incoming => ({ json, betas: new Set() }),
	message: { idPrefix: "msg_sim", modelName: (model: string) => model, fullUsage: false },
};

export const STS_TOKENS: Dialect = {
	...NO_MODEL,
	name: "sts",
	headers: (requestId) => ({ "x-amzn-requestid": requestId }),
	...STS,
};

export const GOOGLE_TOKENS: Dialect = {
	...NO_MODEL,
	name: "google-token",
	headers: () => ({}),
	error(error: ApiError): TextAnswer {
		const body = JSON.stringify({ error: error.type, error_description: error.message });
		return { status: error.status, headers: error.headers, body };
	},
	other(ask: Ask): TextAnswer {
		const text = ask.body.toString("utf8");
		const form = new URLSearchParams(text);
		return { status: 200, headers: {}, body: JSON.stringify(ask.world.google.exchange(form)) };
	},
};
