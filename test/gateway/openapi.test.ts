// The OpenAPI document against the routes that are really there.
import { expect, test } from "vitest";
import { Access } from "../../src/access/access.ts";
import { createAdminApp } from "../../src/admin/app.ts";
import { openApiDocument } from "../../src/admin/contract/openapi.ts";
import { sessionsOf } from "../../src/admin/session/principal.ts";
import { createRouter } from "../../src/routing/router.ts";
import { deploymentsConfig } from "../harness.ts";

interface Operation {
	readonly summary: string;
	readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
	readonly security?: readonly object[];
	readonly responses: {
		readonly "200": { readonly content: { readonly "application/json": { readonly schema: JsonSchema } } };
	};
	readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: JsonSchema } } };
}

interface JsonSchema {
	readonly type?: string;
	readonly anyOf?: readonly JsonSchema[];
	readonly items?: JsonSchema;
	readonly additionalProperties?: JsonSchema;
	readonly properties?: Readonly<Record<string, JsonSchema>>;
	readonly required?: readonly string[];
}

const paths = (openApiDocument("1.2.3") as { readonly paths: Record<string, Record<string, Operation>> }).paths;
const documented = Object.entries(paths).flatMap(([path, methods]) =>
	Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
);

/** Routes as they are registered, with OpenAPI's spelling of what varies; not the UI's files. */
async function registered(): Promise<string[]> {
	const config = deploymentsConfig([{ id: "a", apiBase: "http://127.0.0.1:9" }]);
	const router = createRouter(config);
	const now = () => 0;
	const access = await Access.open({ database: null, keys: [], hashSecret: null, now, onTrouble: () => {} });
	const nobody = () => {
		throw new Error("nobody asks");
	};
	const app = createAdminApp({
		config: () => config,
		auth: {
			identify: nobody,
			...sessionsOf({ access, stretched: () => null, now }),
			keyRequired: () => true,
			now,
			steady: now,
		},
		records: { access, now },
		log: null,
		router,
		version: "1.2.3",
		explain: nobody,
		probe: async () => null,
		sharedState: () => null,
		closing: () => false,
		now,
		routerNow: now,
	});
	const routes = app.routes.filter(({ method, path }) => method !== "ALL" && !/^\/ui(\/|$)/.test(path));
	return [...new Set(routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`))];
}

test("every route of the control plane stands in the document, and nothing else", async () => {
	expect(documented.sort()).toEqual((await registered()).sort());
});

test("what varies in a path is a parameter of it", () => {
	for (const [path, methods] of Object.entries(paths)) {
		const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
		for (const { parameters } of Object.values(methods)) {
			expect(parameters.filter((each) => each.in === "path").map(({ name }) => name)).toEqual(names);
		}
	}
});

test("changes say what they take: a key's limits, a team's id", () => {
	const bodyOf = (path: string) => paths[path]?.["post"]?.requestBody?.content["application/json"].schema;
	expect(Object.keys(bodyOf("/key/update")?.properties ?? {})).toEqual(
		expect.arrayContaining(["key", "max_budget", "budget_duration", "rpm_limit", "models", "metadata", "duration"]),
	);
	expect(bodyOf("/key/update")?.required).toEqual(["key"]);
	expect(bodyOf("/team/delete")?.required).toEqual(["team_ids"]);
	const bodies = Object.keys(paths).flatMap((path) => bodyOf(path) ?? []);
	expect(bodies.length).toBeGreaterThan(30);
	expect(bodies.filter(({ type }) => type !== "object")).toEqual([]);
});

test("every answer is described down to what a model's budget holds, and what asks nobody who they are says so", () => {
	const operations = Object.entries(paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
	);
	const answerOf = ({ responses }: Operation) => responses["200"].content["application/json"].schema;
	const vague = operations.filter((each) => answerOf(each).type === undefined && answerOf(each).anyOf === undefined);
	expect(vague.map(({ name }) => name)).toEqual([]);
	const listed = operations.find(({ name }) => name === "get /key/list");
	const key = listed && answerOf(listed).properties?.["keys"]?.items?.anyOf?.[0];
	expect(key?.required).toContain("unpriced_requests");
	const budget = key?.properties?.["model_max_budget"]?.additionalProperties;
	expect(Object.keys(budget?.properties ?? {})).toEqual(["max_budget", "budget_duration"]);
	const open = operations.filter(({ security }) => security?.length === 0).map(({ name }) => name);
	expect(open.sort()).toEqual([
		"get /health/liveliness",
		"get /health/liveness",
		"get /health/readiness",
		"get /openapi.json",
		"post /api/login",
		"post /api/logout",
	]);
});
