// Random routing's expected dollars against worlds that really are routed at random, and against arithmetic by hand.
import { expect, test } from "vitest";
import { configFrom } from "../../test/harness.ts";
import type { Block } from "../cache/__fixtures__/prompt.ts";
import type { ModelGroup } from "../config/schema.ts";
import { seededRandom } from "../simulator/random.ts";
import { outlineOf } from "./__fixtures__/world.ts";
import { createCounterfactual } from "./counterfactual.ts";
import type { RouteRequest } from "./decision.ts";

function groupOf(ids: readonly string[], weights: readonly number[] = []): ModelGroup {
	const config = configFrom(
		`model_list:\n${ids
			.map(
				(id, at) => `  - model_name: claude-code
    litellm_params: { model: anthropic/claude-sonnet-5, api_key: sk-ant-${id}-00000000000, weight: ${weights[at] ?? 1} }
    model_info: { id: ${id} }`,
			)
			.join("\n")}\n`,
	);
	return config.groups.get("claude-code") as ModelGroup;
}

/** A conversation's turn: 4,000 tokens of system and `turns` exchanges of 500, marked at the end. */
function blocksOf(conversation: string, turns: number): Block[] {
	return [
		{ level: 1, text: "system", tokens: 4_000, mark: "5m" },
		...Array.from({ length: turns }, (_, at): Block => {
			const block: Block = { level: 2, text: `${conversation} ${at}`, tokens: 500 };
			return at === turns - 1 ? { ...block, mark: "5m" } : block;
		}),
	];
}

function requestOf(group: ModelGroup, conversation: string, turns: number): RouteRequest {
	return {
		outline: outlineOf(blocksOf(conversation, turns), { model: "claude-code" }),
		group,
		wildcard: null,
		conversation: { session: conversation, agent: null },
		betas: "",
	};
}

/** As the best routing would have it: everything but the last exchange was read. */
function usageOf(turns: number) {
	const all = 4_000 + turns * 500;
	const read = turns === 1 ? 0 : all - 500;
	return {
		inputTokens: 0,
		outputTokens: 100,
		cacheReadTokens: read,
		cacheWriteTokens: all - read,
		cacheWrite5mTokens: all - read,
		cacheWrite1hTokens: 0,
	};
}

const DEPLOYMENTS = ["a", "b", "c", "d"];

/** Dollars of Sonnet 5: $2 in, reads a tenth, writes one and a quarter; $10 out. */
function dollars(read: number, write: number): number {
	return (read * 0.2 + write * 2.5 + 100 * 10) / 1e6;
}

test("the first turn of all costs the same wherever it goes", () => {
	const group = groupOf(DEPLOYMENTS);
	const counterfactual = createCounterfactual({ domainOf: ({ id }) => id, random: seededRandom(1) });
	const [deployment] = group.deployments;
	const usage = usageOf(1);
	const expected = counterfactual({
		request: requestOf(group, "one", 1),
		deployment: deployment as never,
		usage,
		startedAt: 0,
		firstByteAt: 100,
	});
	expect(expected).toBeCloseTo(dollars(0, 4_500), 9);
});

test("the second turn finds its prefix at one of four", () => {
	const group = groupOf(DEPLOYMENTS);
	const counterfactual = createCounterfactual({ domainOf: ({ id }) => id, random: () => 0 });
	const [deployment] = group.deployments;
	const turn = (turns: number, startedAt: number) =>
		counterfactual({
			request: requestOf(group, "one", turns),
			deployment: deployment as never,
			usage: usageOf(turns),
			startedAt,
			firstByteAt: startedAt + 100,
		});
	turn(1, 0);
	expect(turn(2, 1_000)).toBeCloseTo((dollars(4_500, 500) + 3 * dollars(0, 5_000)) / 4, 9);
	// Read again a minute later, it lives on; five minutes after that it is gone everywhere.
	expect(turn(2, 400_000)).toBeCloseTo(dollars(0, 5_000), 9);
});

test("deployments of one cache domain are one place", () => {
	const group = groupOf(DEPLOYMENTS);
	const counterfactual = createCounterfactual({ domainOf: () => "shared", random: () => 0.99 });
	const [deployment] = group.deployments;
	const turn = (turns: number, startedAt: number) =>
		counterfactual({
			request: requestOf(group, "one", turns),
			deployment: deployment as never,
			usage: usageOf(turns),
			startedAt,
			firstByteAt: startedAt + 100,
		});
	turn(1, 0);
	expect(turn(2, 1_000)).toBeCloseTo(dollars(4_500, 500), 9);
});

test("a deployment without a known price makes the expectation unknown, not zero", () => {
	const config = configFrom(
		"model_list:\n  - {model_name: claude-code, litellm_params: {model: anthropic/house-model, api_key: sk-ant-000000000000}}\n",
	);
	const group = config.groups.get("claude-code") as ModelGroup;
	const counterfactual = createCounterfactual({ domainOf: ({ id }) => id, random: () => 0 });
	expect(
		counterfactual({
			request: requestOf(group, "one", 1),
			deployment: group.deployments[0] as never,
			usage: usageOf(1),
			startedAt: 0,
			firstByteAt: 100,
		}),
	).toBeNull();
});

test("summed over many conversations it is what random routing really costs", () => {
	const group = groupOf(DEPLOYMENTS);
	const random = seededRandom(3);
	const counterfactual = createCounterfactual({ domainOf: ({ id }) => id, random: seededRandom(4) });
	const conversations = 60;
	const turns = 12;
	let expected = 0;
	let real = 0;
	// What a real world of random routing holds: the last moment each prefix is alive at each deployment.
	const held = new Map<string, number>();
	let now = 0;
	for (let turn = 1; turn <= turns; turn += 1) {
		for (let each = 0; each < conversations; each += 1) {
			now += 700;
			const name = `conversation ${each}`;
			const startedAt = now;
			expected +=
				counterfactual({
					request: requestOf(group, name, turn),
					deployment: group.deployments[0] as never,
					usage: usageOf(turn),
					startedAt,
					firstByteAt: startedAt + 100,
				}) ?? Number.NaN;
			const place = Math.floor(random() * DEPLOYMENTS.length);
			const alive = (prefix: string) => (held.get(`${place} ${prefix}`) ?? -1) > startedAt;
			let longest = -1;
			for (let past = turn; past >= 1 && longest < 0; past -= 1) if (alive(`${name} ${past}`)) longest = past;
			const read = longest > 0 ? 4_000 + longest * 500 : alive("system") ? 4_000 : 0;
			real += dollars(read, 4_000 + turn * 500 - read);
			const until = startedAt + 300_000;
			held.set(`${place} ${longest > 0 ? `${name} ${longest}` : "system"}`, until);
			held.set(`${place} ${name} ${turn}`, until);
			if (read < 4_000) held.set(`${place} system`, until);
		}
	}
	expect(Math.abs(expected - real) / real).toBeLessThan(0.03);
});
