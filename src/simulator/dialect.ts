// What one platform's form of the API consists of. Leaves the forms to dialects/, the steps of a request to service.ts and endpoints.ts.
import type { IncomingMessage } from "node:http";
import type { ApiError } from "./api-error.ts";
import type { Deployment, Domain } from "./deployment.ts";
import type { Reply } from "./message.ts";
import type { ModelRules } from "./model-table.ts";
import type { Prompt, PromptRules } from "./prompt.ts";
import type { MessagesRequest } from "./request.ts";
import type { Route } from "./route.ts";
import type { StreamEncoder } from "./stream.ts";
import type { World } from "./world.ts";

/** A request whose path and body are known, but not yet its sender. */
export interface Visit {
	readonly world: World;
	/** The deployment whose own port this is; null: any may call. */
	readonly only: Deployment | null;
	readonly request: IncomingMessage;
	readonly route: Route;
	readonly body: Buffer;
}

/** Who calls. */
export interface Caller {
	readonly deployment: Deployment;
	/** Cache that the caller is at home in. */
	readonly domain: Domain;
	/** Cache that serves one generation, where that can differ from `domain`. Draws anew at each call; `json` is the body as it came. */
	serving?(request: MessagesRequest, json: unknown): Domain;
	/** Name of the bucket of limits for a model, where it is more than the model's class. */
	limitClass?(model: string): string;
}

/** A platform's body brought into the Messages form. */
export interface Incoming {
	/** The parsed Messages body, with `model` and `stream` as members. */
	readonly json: unknown;
	readonly betas: ReadonlySet<string>;
}

/** What the journal needs to know about a body, valid or not. */
export interface Gist {
	readonly model: string | null;
	readonly stream: boolean;
}

/** A whole answer, ready to be written. */
export interface TextAnswer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

/** An endpoint's caller and body. `caller` is null for endpoints that identify by other means. */
export interface Ask extends Visit {
	readonly caller: Caller | null;
	readonly json: unknown;
	/** The answer's request id. */
	readonly requestId: string;
}

/** One platform's form of the API. Everything that differs between platforms is here; nobody else asks which platform it is. */
export interface Dialect {
	/** For the journal and messages. */
	readonly name: string;
	readonly maxBodyBytes: number;
	/** Defaults that a simulator's options override. */
	readonly promptRules: Partial<PromptRules>;
	/** Identifies the sender, or throws the platform's refusal. Null: this endpoint needs no sender. */
	authenticate(visit: Visit): Caller | null;
	/** Model and stream, as far as they can be seen. Never throws. */
	gist(visit: Visit, json: unknown): Gist;
	/** Checks what only this platform demands and gives the Messages form. Throws an ApiError. `json` undefined: no JSON. */
	read(visit: Visit, caller: Caller, json: unknown): Incoming;
	/** The prompt as this platform's cache sees it; left out: Anthropic's rendering. */
	prompt?(request: MessagesRequest, ask: Ask, rules: Partial<PromptRules>): Prompt;
	/** Headers of every answer. */
	headers(requestId: string, caller: Caller | null): Record<string, string>;
	/** An error answer. */
	error(error: ApiError, requestId: string): TextAnswer;
	/** What a programmed failure with this status says when it says nothing of its own. */
	faultMessage(status: number): string;
	/** The refusal of a prompt over the window; both in tokens. */
	tooLong(tokens: number, window: number): ApiError;
	/** Rules of a model in place of the table's, for platforms that serve more than Claude. */
	findModel?(name: string, ask: Ask): ModelRules | null;
	/** Changes to the name a model gives itself, to ids and to usage. */
	readonly message: MessageStyle;
	/** Form of a stream. */
	stream(ask: Ask): StreamEncoder;
	/** Form of a whole answer. */
	whole(reply: Reply, ask: Ask): { readonly body: string; readonly headers: Record<string, string> };
	/** Answer of count_tokens, as JSON. */
	counted(tokens: number): Readonly<Record<string, unknown>>;
	/** Answers the endpoints that only some platforms have; null: there is no such endpoint. */
	other(ask: Ask): TextAnswer | null;
}

/** How a platform spells what stands in a message. */
interface MessageStyle {
	/** Before the digits of a message id. */
	readonly idPrefix: string;
	/** What `model` of an answer says. */
	modelName(model: string): string;
	/** Whether usage states service tier and geography. */
	readonly fullUsage: boolean;
}
