// Vertex AI's rawPredict family: OAuth tokens, the model in the path, Google's shape of errors. Leaves tokens to google/projects.ts.
import { ApiError, invalid } from "../api-error.ts";
import { fieldsOf } from "../body.ts";
import type { Caller, Dialect, Incoming, TextAnswer, Visit } from "../dialect.ts";
import type { GoogleProject } from "../google/projects.ts";
import { findModel } from "../model-table.ts";
import { plainModelName } from "./bedrock.ts";
import { headerBetas, MESSAGES_FORM, messagesError } from "./messages.ts";

/** Vertex takes 30 MB (providers §2). */
const MAX_BODY_BYTES = 30 * 1024 * 1024;
const VERSIONS = new Set(["vertex-2023-10-16", "2023-06-01", "2026-10-21"]);
/** Statuses that Google's front answers itself; of the others the model's own error goes through. */
const GOOGLE_STATUS: Readonly<Record<number, string>> = {
	401: "UNAUTHENTICATED",
	403: "PERMISSION_DENIED",
	404: "NOT_FOUND",
	429: "RESOURCE_EXHAUSTED",
	500: "INTERNAL",
	503: "UNAVAILABLE",
	504: "DEADLINE_EXCEEDED",
};

export const VERTEX: Dialect = {
	...MESSAGES_FORM,
	name: "vertex",
	maxBodyBytes: MAX_BODY_BYTES,
	promptRules: { stripBillingBlock: false },
	authenticate,
	read: readBody,
	headers: (requestId) => ({ "request-id": requestId, "x-vertex-ai-internal-prediction-backend": "harpoon" }),
	error: vertexError,
	faultMessage,
	message: { idPrefix: "msg_vrtx_", modelName: plainModelName, fullUsage: false },
};

function authenticate(visit: Visit): Caller {
	const owner = ownerOfToken(visit);
	const { world, route } = visit;
	const { project, location } = route;
	if (owner.project !== project) {
		throw new ApiError(
			403,
			`Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/${project}/locations/${location}' (or it may not exist).`,
		);
	}
	if (owner.locations !== null && !owner.locations.includes(location))
		throw notFound(route.project, location, route.model ?? "count-tokens");
	return {
		deployment: owner,
		domain: world.domain("google", project, location),
		limitClass: (model) => `${location} ${findModel(model)?.id ?? model}`,
	};
}

/** Whose access token a request bears. Throws the 401s of Google's front. */
export function ownerOfToken({ world, only, request }: Visit): GoogleProject {
	const token = /^Bearer\s+(.+)$/i.exec(request.headers.authorization ?? "")?.[1];
	if (token === undefined) {
		throw new ApiError(
			401,
			"Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
		);
	}
	const owner = world.google.projectOfToken(token.trim());
	if (owner === null || (only !== null && only !== owner)) {
		throw new ApiError(
			401,
			"Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
		);
	}
	return owner;
}

function readBody(visit: Visit, _caller: Caller, json: unknown): Incoming {
	const { route, request } = visit;
	const fields = fieldsOf(json);
	if (fields === null) throw invalid("The request body is not valid JSON");
	const isCount = route.endpoint === "count_tokens";
	const model = isCount ? fields["model"] : route.model;
	if (typeof model === "string" && findModel(model) === null) throw notFound(route.project, route.location, model);
	if (!isCount && fields["model"] !== undefined) throw invalid("model: Extra inputs are not permitted");
	for (const name of ["diagnostics", "inference_geo", "service_tier"]) {
		if (fields[name] !== undefined) throw invalid(`${name}: Extra inputs are not permitted`);
	}
	const { anthropic_version: version, anthropic_beta: inBody, ...body } = fields;
	if (version === undefined) throw invalid("anthropic_version: Field required");
	if (typeof version !== "string" || !VERSIONS.has(version))
		throw invalid(`anthropic_version: Input should be 'vertex-2023-10-16'`);
	const betas = new Set([...headerBetas(request), ...(Array.isArray(inBody) ? inBody.map(String) : [])]);
	for (const beta of visit.world.options.unknownBetas ?? []) {
		if (betas.has(beta)) throw invalid(`Unexpected value(s) \`${beta}\` for the \`anthropic-beta\` header.`);
	}
	// The path decides; a body's own `stream` must not contradict it.
	const stream = route.stream === true;
	if (!isCount && !stream && body["stream"] === true)
		throw invalid("stream: streaming responses need streamRawPredict");
	return { json: { ...body, model, stream }, betas };
}

function notFound(project: string, location: string, model: string): ApiError {
	return new ApiError(
		404,
		`Publisher Model \`projects/${project}/locations/${location}/publishers/anthropic/models/${model}\` was not found or your project does not have access to it. Ensure you are using a valid model version.`,
	);
}

/** An error in the form of Google's front, where it is one of those that the front answers itself. */
export function vertexError(error: ApiError, requestId: string): TextAnswer {
	const status = GOOGLE_STATUS[error.status];
	if (status === undefined) return messagesError(error, requestId);
	const body = { error: { code: error.status, message: error.message, status } };
	return { status: error.status, headers: error.headers, body: JSON.stringify(body) };
}

function faultMessage(status: number): string {
	switch (status) {
		case 429:
			return "Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.";
		case 503:
			return "The service is currently unavailable.";
		default:
			return MESSAGES_FORM.faultMessage(status);
	}
}
