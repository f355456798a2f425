// Details as earlier versions wrote them: each kind is read as it was meant.

import { expect, test } from "vitest";
import { kindOf, levelOf } from "../../cache/summary.ts";
import { NO_DETAILS } from "../details.ts";
import { readDetails } from "./0001_details.ts";

/** As the last version that had such rows wrote them. */
const WITHOUT_NAMES =
	'["no \\"room\\"",[["a","failed",529,"overloaded_error",1763640000000,17],["b","served",200,"",1763640000017,900]],' +
	'[["a","prefix",300,0.00125,false],["b","cold",0,null,true]],[["c","cooling down",1763640009000]],["a","no headroom"],' +
	'450,1024,"main","core",["first"],{"job":7},["5 min 2 s since the last turn",300],[1763640000017,1763640000917,' +
	'"claude-sonnet-5-5","anthropic/org/a","b","x","",[1,2,3,4,0],[1,1,1,[100,200,300],[[2,"5m",300]],"NsTm3TaJzbs2TrSZ",' +
	'"AAE="],10,0,300,1024,true,"a failed: 529",null]]';

test("details without names are read with names", () => {
	const { turn, ...details } = readDetails(WITHOUT_NAMES);
	expect(details).toEqual({
		error_message: 'no "room"',
		attempts: [
			{ model_id: "a", outcome: "failed", status: 529, error: "overloaded_error", started_at: 1763640000000, ms: 17 },
			{ model_id: "b", outcome: "served", status: 200, error: "", started_at: 1763640000017, ms: 900 },
		],
		candidates: [
			{
				model_id: "a",
				reason: "prefix",
				predicted_read_tokens: 300,
				expected_dollars: 0.00125,
				thinking_at_risk: false,
			},
			{ model_id: "b", reason: "cold", predicted_read_tokens: 0, expected_dollars: null, thinking_at_risk: true },
		],
		excluded: [{ model_id: "c", why: "cooling down", until: 1763640009000 }],
		diverted: { model_id: "a", why: "no headroom" },
		prompt_tokens: 450,
		max_tokens: 1024,
		request_class: "main",
		team_alias: "core",
		tags: ["first"],
		metadata: { job: 7 },
		miss: { detail: "5 min 2 s since the last turn", tokens: 300 },
	});
	if (turn === null) return expect.unreachable("there is a turn");
	const { summary, ...about } = turn;
	expect(about).toEqual({
		startedAt: 1763640000017,
		firstByteAt: 1763640000917,
		model: "claude-sonnet-5-5",
		place: "anthropic/org/a",
		modelId: "b",
		betas: "x",
		variant: "",
		settings: { toolChoice: 1, thinking: 2, effort: 3, format: 4, images: 0 },
		inputTokens: 10,
		readTokens: 0,
		writeTokens: 300,
		minimumTokens: 1024,
		collapseRuns: true,
		route: "a failed: 529",
		diagnosis: null,
	});
	expect(summary).toMatchObject({ bytes: [100, 200, 300], marks: [{ block: 2, ttl: "5m", bytes: 300 }] });
	expect([0, 1, 2].map((block) => [levelOf(summary, block), kindOf(summary, block)])).toEqual([
		["tools", 0],
		["system", 1],
		["messages", 2],
	]);
	// A row that has moved over says the same as one that has not.
	const named = JSON.stringify({ ...details, turn });
	expect(readDetails(named)).toEqual(readDetails(WITHOUT_NAMES));
});

test("rows of the first versions, which kept names, are read, and of what is none nothing is", () => {
	expect(readDetails(JSON.stringify({ ...NO_DETAILS, tags: ["a"] }))).toEqual({ ...NO_DETAILS, tags: ["a"] });
	for (const text of ["", "{}", "null", "7", "[", "[1]"]) expect(readDetails(text)).toEqual(NO_DETAILS);
});
