// A gateway for tests of virtual keys: keys are made and asked with. Leaves simulators and clean-up to test/harness.
import type { Database } from "../src/db/database.ts";
import { MASTER_KEY, startWorld } from "./harness.ts";

/** An alias, and no waiting for others that send the same. */
export const EXTRA = `
router_settings: { model_group_alias: { sonnet: claude-code } }
warmpath: { listen: { port: 0 }, routing: { burst_gate: { enabled: false } } }
`;

/** A request that marks nothing for caching. */
export function body(
	about: { readonly model?: string; readonly text?: string; readonly maxTokens?: number } = {},
): string {
	const { model = "claude-code", text = "hello", maxTokens = 50 } = about;
	return JSON.stringify({ model, max_tokens: maxTokens, messages: [{ role: "user", content: text }] });
}

/** Two simulated deployments behind a gateway with a database, and ways to make keys and ask with them. */
export async function startKeyed(database: Database, extra = EXTRA, now?: () => number, settings = "") {
	const world = await startWorld({
		deployments: ["one", "two"],
		extra,
		settings,
		gateway: { database, ...(now === undefined ? {} : { now }) },
	});
	const { gateway } = world;
	const admin = async (path: string, content?: object) => {
		const response = await fetch(`${gateway.url}${path}`, {
			method: content === undefined ? "GET" : "POST",
			headers: { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" },
			...(content === undefined ? {} : { body: JSON.stringify(content) }),
		});
		return { status: response.status, body: (await response.json()) as Record<string, never> };
	};
	return {
		...world,
		admin,
		/** Makes a key; gives its secret. */
		key: async (fields: object): Promise<string> => (await admin("/key/generate", fields)).body["key"] ?? "",
		/** Asks with a key; reads the answer to its end. */
		async ask(key: string, about: Parameters<typeof body>[0] = {}, headers: Readonly<Record<string, string>> = {}) {
			const response = await gateway.post("/v1/messages", body(about), { "x-api-key": key, ...headers });
			const answer = (await response.json()) as {
				readonly error?: { readonly type: string; readonly message: string };
			};
			return { status: response.status, headers: response.headers, error: answer.error };
		},
	};
}
