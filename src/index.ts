// What `import … from "warmpath"` gives. Everything else of the package is internal.
export type { Diagnostic } from "./config/schema.ts";
export {
	BadRequestError,
	CallError,
	NotFoundError,
	PermissionDeniedError,
	RateLimitError,
	ServerError,
	StreamError,
} from "./library/call-error.ts";
export { ConfigError, type ConfigObject, type ConfigSource } from "./library/config-source.ts";
export type { Decision, WithDecision } from "./library/decision.ts";
export type { EventStream } from "./library/event-stream.ts";
export { createHandler, type Embedded, Gateway, type GatewayHandler, type StartOptions } from "./library/gateway.ts";
export type { CallOptions, ChatExtras, ModelCalls } from "./library/model-calls.ts";
export type { LibraryOptions, LogLevel } from "./library/opening.ts";
export type { HandlerOptions, RequestHandler } from "./library/request-handler.ts";
export { Router } from "./library/router.ts";
export type { ExplainedCandidate, ExplainedDecision } from "./proxy/explain.ts";
