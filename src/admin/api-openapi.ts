// The OpenAPI document of the control plane: our own endpoints from their schemas, LiteLLM's by name. Leaves the schemas to api-schemas.
import * as z from "zod";
import {
	deploymentsView,
	ledgerQuery,
	ledgerView,
	overview,
	rangeQuery,
	requestDetail,
	requestPage,
	requestQuery,
	sessionDetail,
	sessionPage,
	sessionQuery,
	sessionTurnsQuery,
} from "./api-schemas.ts";

interface Endpoint {
	readonly path: string;
	readonly summary: string;
	readonly query?: z.ZodObject;
	/** Absent = not described. */
	readonly answer?: z.ZodType;
}

const READING: readonly Endpoint[] = [
	{ path: "/api/requests", summary: "The request log, latest first", query: requestQuery, answer: requestPage },
	{ path: "/api/requests/{id}", summary: "One request with all that is kept of it", answer: requestDetail },
	{ path: "/api/sessions", summary: "Conversations, latest first", query: sessionQuery, answer: sessionPage },
	{
		path: "/api/sessions/{id}",
		summary: "A conversation's turns; the last page first, each page oldest first",
		query: sessionTurnsQuery,
		answer: sessionDetail,
	},
	{ path: "/api/ledger", summary: "Dollars and tokens summed", query: ledgerQuery, answer: ledgerView },
	{ path: "/api/overview", summary: "Totals, a series by deployment, alerts", query: rangeQuery, answer: overview },
	{ path: "/api/deployments", summary: "Every deployment as it stands now", answer: deploymentsView },
	{ path: "/api/me", summary: "Who asks" },
	{ path: "/spend/logs", summary: "The request log in LiteLLM's fields" },
	{ path: "/health", summary: "Which deployments are in use; calls no model" },
	{ path: "/health/liveliness", summary: "The process answers" },
	{ path: "/health/readiness", summary: "The process takes requests" },
];

/** LiteLLM's management endpoints that take a JSON object. */
const WRITING: readonly (readonly [path: string, summary: string])[] = [
	["/api/login", "Begins a session of the UI"],
	["/api/logout", "Ends it"],
	["/key/generate", "Makes a virtual key; its secret is answered once"],
	["/key/update", "Changes a key"],
	["/key/delete", "Deletes keys"],
	["/key/block", "Blocks a key"],
	["/key/unblock", "Unblocks a key"],
	["/key/regenerate", "Replaces a key's secret"],
	["/team/new", "Makes a team"],
	["/user/new", "Makes a user"],
	["/customer/new", "Makes a customer"],
	["/budget/new", "Makes a budget"],
];

/** The document, made once. */
export function openApiDocument(version: string): object {
	const paths: Record<string, object> = {};
	for (const endpoint of READING) paths[endpoint.path] = { get: reading(endpoint) };
	for (const [path, summary] of WRITING) paths[path] = { post: writing(summary) };
	return {
		openapi: "3.1.0",
		info: {
			title: "Warmpath control plane",
			version,
			description: "Times are milliseconds since the epoch, money is US dollars, pages are told by cursors.",
		},
		components: {
			securitySchemes: {
				key: { type: "http", scheme: "bearer", description: "The master key, or a virtual key that may use it." },
				session: { type: "apiKey", in: "cookie", name: "warmpath_session" },
			},
			schemas: {
				Error: {
					type: "object",
					properties: {
						type: { const: "error" },
						error: {
							type: "object",
							properties: { type: { type: "string" }, message: { type: "string" } },
							required: ["type", "message"],
						},
					},
					required: ["type", "error"],
				},
			},
		},
		security: [{ key: [] }, { session: [] }],
		paths,
	};
}

const ERROR = {
	description: "Refused or failed",
	content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
};

function reading({ path, summary, query, answer }: Endpoint): object {
	const inPath = /\{(\w+)\}/.exec(path)?.[1];
	const parameters = [
		...(inPath === undefined ? [] : [{ name: inPath, in: "path", required: true, schema: { type: "string" } }]),
		...(query === undefined ? [] : parametersOf(query)),
	];
	const content =
		answer === undefined ? {} : { content: { "application/json": { schema: jsonSchema(answer, "output") } } };
	return { summary, parameters, responses: { "200": { description: "OK", ...content }, default: ERROR } };
}

function writing(summary: string): object {
	const requestBody = { content: { "application/json": { schema: { type: "object" } } } };
	return { summary, requestBody, responses: { "200": { description: "OK" }, default: ERROR } };
}

function parametersOf(query: z.ZodObject): object[] {
	return Object.entries(query.shape).map(([name, schema]) => {
		const { description, ...rest } = jsonSchema(schema as z.ZodType, "input");
		return { name, in: "query", required: false, schema: rest, ...(description === undefined ? {} : { description }) };
	});
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): { readonly description?: unknown } {
	const { $schema: _, ...made } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
	return made;
}
