// Rows for tests of the log: an answered request with figures that can be told apart. Leaves real ones to the gateway's tests.
import type { LogEntry } from "../batch.ts";
import { type Details, NO_DETAILS, renewedDetails } from "../details.ts";
import type { RequestRow } from "../tables.ts";

export const NOON = Date.parse("2026-11-20T12:00:00Z");

/** A served request, `at` ms after noon; every field can be changed. */
export function rowAt(at: number, change: Partial<RequestRow> = {}): RequestRow {
	const startedAt = NOON + at;
	return {
		id: `request-${at}`,
		started_at: startedAt,
		first_byte_at: startedAt + 300,
		ended_at: startedAt + 2_000,
		operation: "messages",
		dialect: "anthropic",
		outcome: "served",
		status: 200,
		error: null,
		key_id: "key-1",
		key_alias: "laptop",
		team_id: "team-1",
		user_id: "user-1",
		end_user: null,
		session: "session-1",
		agent: null,
		client: "claude-cli/2.1",
		model: "claude-code",
		model_group: "claude-code",
		model_id: "a",
		upstream_model: "claude-sonnet-5-5",
		provider: "anthropic",
		domain: "anthropic/org/a",
		region: null,
		stream: 1,
		input_tokens: 10,
		output_tokens: 20,
		read_tokens: 1_000,
		write_5m_tokens: 100,
		write_1h_tokens: 0,
		cost: 0.01,
		cost_input: 0.001,
		cost_read: 0.002,
		cost_write_5m: 0.003,
		cost_write_1h: 0,
		cost_output: 0.004,
		cost_uncached: 0.05,
		cost_random: 0.03,
		affinity: "hit",
		reason: "prefix",
		predicted_read_tokens: 1_000,
		waited_ms: 0,
		diverted_from: null,
		runner_up: "b",
		attempts: 1,
		miss: null,
		...change,
	};
}

/** An entry of that row and of nothing else. */
export function entryAt(at: number, change: Partial<RequestRow> = {}): LogEntry {
	return entryOf(rowAt(at, change));
}

export function entryOf(row: RequestRow, details: Partial<Details> = {}): LogEntry {
	return { row, details: renewedDetails({ ...NO_DETAILS, ...details }), body: null };
}
