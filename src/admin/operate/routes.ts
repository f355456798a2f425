// Answers the contract's OPERATE: what operators look at and do about deployments, and what a client needs to connect. Leaves deciding to
// routing and sending to whoever it is given.
import type { Config } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";
import { billOf } from "../../routing/bill.ts";
import type { AnswerOf } from "../contract/index.ts";
import { openApiDocument } from "../contract/openapi.ts";
import { type ConnectFacts, type Drained, type Explained, OPERATE, type TestEstimate } from "../contract/operate.ts";
import { type RequireRole, routes } from "../http/routes.ts";
import type { LogDeps } from "../log/requests.ts";
import { type RecordDeps, stored } from "../records/stored.ts";
import { deploymentsOf } from "./deployments.ts";
import { healthOf } from "./health.ts";

/** A request as it would be sent, in the name of a key. */
interface ExplainQuestion {
	readonly body: Buffer;
	/** Names in lower case. */
	readonly headers: Readonly<Record<string, string>>;
	/** The virtual key's hash; null = the master key. */
	readonly keyHash: string | null;
}

export interface OperateDeps extends LogDeps {
	readonly config: () => Config;
	/** Keeps what is drained, where there is a database. */
	readonly records: RecordDeps;
	/** Of the program. */
	readonly version: string;
	/** Whether this replica receives notes of the others; null = it is alone by configuration. */
	readonly sharedState: () => "connected" | "detached" | null;
	readonly closing: () => boolean;
	/** The decision that it would get now. Throws what it would be refused with. */
	readonly explain: (question: ExplainQuestion) => Explained;
	/** Sends the smallest request to a deployment; null = it cannot be tested. */
	readonly probe: (id: string) => Promise<ProbeAnswer | null>;
}

/** Tokens as a provider reports them. */
type Usage = Parameters<typeof billOf>[0];

interface ProbeAnswer {
	readonly status: number | null;
	readonly ms: number;
	readonly error: string;
	readonly usage: Usage | null;
}

/** At most what the smallest request takes, with what platforms add to it. */
const TEST_TOKENS = { input: 32, output: 1 } as const;
const SENT_HEADERS = ["x-claude-code-session-id", "x-claude-code-agent-id", "anthropic-beta", "user-agent"];

/** The routes. */
export function operateRoutes(deps: OperateDeps, requireRole: RequireRole) {
	const document = openApiDocument(deps.version);
	const alive = () => "I'm alive!" as const;
	return routes(requireRole, OPERATE, {
		"GET /health": () => healthOf(deps, deps.sharedState()),
		"GET /health/liveliness": alive,
		"GET /health/liveness": alive,
		"GET /health/readiness": ({ c }) => {
			return deps.closing() ? c.json({ status: "closing" }, 503) : { status: "healthy" as const };
		},
		"GET /openapi.json": () => document,
		"GET /api/connect": () => factsOf(deps),
		"GET /api/deployments": () => deploymentsOf({ ...deps, drainsKept: deps.records.access.durable }),
		"GET /api/deployments/{id}/test": ({ params }) => estimateOf(params.id, deps),
		"POST /api/deployments/{id}/test": ({ params }) => test(params.id, deps),
		"POST /api/deployments/{id}/drain": ({ params }) => drain(params.id, true, deps),
		"POST /api/deployments/{id}/resume": ({ params }) => drain(params.id, false, deps),
		"POST /api/explain": ({ body: { body, headers, key } }) => {
			return deps.explain({ body: Buffer.from(body), headers: sentHeaders(headers ?? {}), keyHash: key || null });
		},
	});
}

/** Throws record_not_found. */
function configOf(id: string, { config }: OperateDeps) {
	const found = config().deployments.find((each) => each.id === id);
	if (found === undefined) throw new GatewayError("record_not_found", { kind: "deployment", id });
	return found;
}

function dollarsOf(usage: Usage, id: string, deps: OperateDeps): number | null {
	const bill = billOf(usage, configOf(id, deps), { wildcard: null, variant: "", now: deps.now() });
	return bill?.total ?? null;
}

function estimateOf(id: string, deps: OperateDeps): TestEstimate {
	const { input, output } = TEST_TOKENS;
	return {
		model_id: id,
		upstream_model: configOf(id, deps).upstreamModel,
		input_tokens: input,
		output_tokens: output,
		dollars: dollarsOf(usageOf(input, output), id, deps),
	};
}

async function test(id: string, deps: OperateDeps): Promise<AnswerOf<"POST /api/deployments/{id}/test">> {
	configOf(id, deps);
	const answer = await deps.probe(id);
	if (answer === null) {
		throw new GatewayError("invalid_field", {
			field: "id",
			reason: "this deployment serves no single model that could be asked",
		});
	}
	const { status, ms, error, usage } = answer;
	return {
		ok: status !== null && status < 300,
		status,
		ms,
		error,
		input_tokens: usage?.inputTokens ?? null,
		output_tokens: usage?.outputTokens ?? null,
		dollars: usage === null ? null : dollarsOf(usage, id, deps),
	};
}

/** Kept where there is a database: then other replicas follow within a second. Throws database_unavailable while it is away. */
async function drain(id: string, draining: boolean, deps: OperateDeps): Promise<Drained> {
	configOf(id, deps);
	const { access } = deps.records;
	if (access.durable) {
		await stored(deps.records, async () => {
			const record = { kind: "deployment", id, fields: { draining } } as const;
			const changed = await access.update("deployment", id, () => ({ fields: record.fields }));
			if (changed === null) await access.insert({ ...record, hash: null });
		});
	}
	deps.router.setDraining(id, draining);
	return { model_id: id, draining, kept: access.durable };
}

/** Other headers than those that count are left out. */
function sentHeaders(sent: Readonly<Record<string, string>>): Record<string, string> {
	const headers: Record<string, string> = {};
	for (const [name, value] of Object.entries(sent)) {
		const lower = name.toLowerCase();
		if (SENT_HEADERS.includes(lower) && value !== "") headers[lower] = value;
	}
	return headers;
}

function factsOf({ config, log, version }: OperateDeps): ConnectFacts {
	const { groups, masterKey } = config();
	return {
		version,
		key_required: masterKey !== null,
		models: [...groups.values()].map(({ name, deployments }) => ({
			name,
			model_ids: deployments.map(({ id }) => id),
			providers: [...new Set(deployments.map(({ provider }) => provider))],
		})),
		log: log !== null,
	};
}

function usageOf(inputTokens: number, outputTokens: number): Usage {
	return {
		inputTokens,
		outputTokens,
		cacheReadTokens: 0,
		cacheWriteTokens: 0,
		cacheWrite5mTokens: 0,
		cacheWrite1hTokens: 0,
	};
}
