// The OpenAPI document of the control plane, made from its contract. Leaves what there is to contract/index.
import * as z from "zod";
import type { Endpoint } from "./endpoint.ts";
import { CONTRACT } from "./index.ts";

/** The document, made once. */
export function openApiDocument(version: string) {
	const paths: Record<string, Record<string, object>> = {};
	for (const [name, endpoint] of Object.entries<Endpoint>(CONTRACT)) {
		const [method = "", path = ""] = name.split(" ");
		paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(path, endpoint) };
	}
	return {
		openapi: "3.1.0",
		info: {
			title: "Warmpath control plane",
			version,
			description: "Times are milliseconds since the epoch, money is US dollars, pages are reached by cursors.",
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

function operationOf(path: string, { summary, role, query, body, answer }: Endpoint): object {
	const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
		return { name, in: "path", required: true, schema: { type: "string" } };
	});
	return {
		summary,
		...(role === null ? { security: [] } : { description: `Takes the role ${role}.` }),
		parameters: [...inPath, ...(query === undefined ? [] : parametersOf(query))],
		...(body === undefined ? {} : { requestBody: { content: contentOf(body, "input") } }),
		responses: { "200": { description: "OK", content: contentOf(answer, "output") }, default: ERROR },
	};
}

function contentOf(schema: z.ZodType, io: "input" | "output"): object {
	return { "application/json": { schema: jsonSchema(schema, io) } };
}

function parametersOf(query: z.ZodObject): object[] {
	return Object.entries(query.shape).map(([name, shape]) => {
		const schema = shape as z.ZodType;
		const { description, ...rest } = jsonSchema(schema, "input");
		const required = !schema.safeParse(undefined).success;
		return { name, in: "query", required, schema: rest, ...(description === undefined ? {} : { description }) };
	});
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): { readonly description?: unknown } {
	const { $schema: _, ...made } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
	return made;
}
