// What operators do from the UI beside looking: let deployments run empty and take them back, test one, ask where a request would go; and
// what a client needs to connect. Leaves deciding to routing and sending to whoever it is given.
import { Hono } from "hono";
import type { Config } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";
import { billOf } from "../../routing/bill.ts";
import type { LiveRouter } from "../../routing/router.ts";
import type { ConnectFacts, Drained, Explained, TestEstimate, TestResult } from "../contract/ui-types.ts";
import { bodyOf } from "../http/body.ts";
import { type RecordDeps, stored, textOf } from "../records/stored.ts";
import type { AdminEnv, RequireRole } from "../session/auth.ts";

/** A request as it would be sent, in the name of a key. */
export interface ExplainQuestion {
	readonly body: Buffer;
	/** Names in lower case. */
	readonly headers: Readonly<Record<string, string>>;
	/** The virtual key's hash; null = the master key. */
	readonly keyHash: string | null;
}

export interface OperateDeps {
	readonly config: () => Config;
	readonly router: Pick<LiveRouter, "setDraining">;
	/** Keeps what is drained, where there is a database. */
	readonly access: RecordDeps["access"];
	/** The request log is kept. */
	readonly log: boolean;
	readonly version: string;
	/** The decision that it would get now. Throws what it would be refused with. */
	readonly explain: (question: ExplainQuestion) => Explained;
	/** Sends the smallest request to a deployment; null = it cannot be tested. */
	readonly probe: (id: string) => Promise<ProbeAnswer | null>;
	readonly now: () => number;
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

/** The endpoints. */
export function operateRoutes(deps: OperateDeps, requireRole: RequireRole) {
	const { now } = deps;
	const admin = requireRole("admin");

	function configOf(id: string) {
		const found = deps.config().deployments.find((each) => each.id === id);
		if (found === undefined) throw new GatewayError("record_not_found", { kind: "deployment", id });
		return found;
	}

	function dollarsOf(id: string, usage: Usage): number | null {
		const bill = billOf(usage, configOf(id), { wildcard: null, variant: "", now: now() });
		return bill?.total ?? null;
	}

	function estimate(id: string): TestEstimate {
		const { upstreamModel } = configOf(id);
		const usage = usageOf(TEST_TOKENS.input, TEST_TOKENS.output);
		return {
			model_id: id,
			upstream_model: upstreamModel,
			input_tokens: TEST_TOKENS.input,
			output_tokens: TEST_TOKENS.output,
			dollars: dollarsOf(id, usage),
		};
	}

	/** Kept where there is a database: then other replicas follow within a second. Throws database_unavailable while it is away. */
	async function drain(id: string, draining: boolean): Promise<Drained> {
		configOf(id);
		const { access, router } = deps;
		if (access.durable) {
			await stored(deps, async () => {
				const record = { kind: "deployment", id, fields: { draining } } as const;
				const changed = await access.update("deployment", id, () => ({ fields: record.fields }));
				if (changed === null) await access.insert({ ...record, hash: null });
			});
		}
		router.setDraining(id, draining);
		return { model_id: id, draining, kept: access.durable };
	}

	return new Hono<AdminEnv>()
		.get("/api/connect", requireRole("owner"), (c) => c.json(factsOf(deps)))
		.post("/api/deployments/:id/drain", admin, async (c) => c.json(await drain(c.req.param("id"), true)))
		.post("/api/deployments/:id/resume", admin, async (c) => c.json(await drain(c.req.param("id"), false)))
		.get("/api/deployments/:id/test", admin, (c) => c.json(estimate(c.req.param("id"))))
		.post("/api/deployments/:id/test", admin, async (c) => {
			const id = c.req.param("id");
			configOf(id);
			const answer = await deps.probe(id);
			if (answer === null) {
				throw new GatewayError("invalid_field", {
					field: "id",
					reason: "this deployment serves no single model that could be asked",
				});
			}
			const { status, ms, error, usage } = answer;
			return c.json({
				ok: status !== null && status < 300,
				status,
				ms,
				error,
				input_tokens: usage?.inputTokens ?? null,
				output_tokens: usage?.outputTokens ?? null,
				dollars: usage === null ? null : dollarsOf(id, usage),
			} satisfies TestResult);
		})
		.post("/api/explain", admin, async (c) => {
			const asked = await bodyOf(c);
			return c.json(deps.explain(questionOf(asked)));
		});
}

/** `{body: JSON text, headers?, key?}`. Other headers than those that count are left out. */
function questionOf(asked: Readonly<Record<string, unknown>>): ExplainQuestion {
	const { headers: sent, key } = asked;
	const headers: Record<string, string> = {};
	for (const [name, value] of Object.entries(typeof sent === "object" && sent !== null ? sent : {})) {
		const lower = name.toLowerCase();
		if (SENT_HEADERS.includes(lower) && typeof value === "string" && value !== "") headers[lower] = value;
	}
	return {
		body: Buffer.from(textOf(asked, "body")),
		headers,
		keyHash: typeof key === "string" && key !== "" ? key : null,
	};
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
		log,
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
