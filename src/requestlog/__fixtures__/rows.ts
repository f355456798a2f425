// Rows for tests of the log: an answered request with figures that are all different. Leaves real ones to the gateway's tests.
import type { RequestRow } from "../../db/schema/requests.ts";
import type { LogEntry } from "../batch.ts";
import { type Details, NO_DETAILS } from "../details.ts";

export const NOON = Date.parse("2026-11-20T12:00:00Z");

/** A served request, `at` ms after noon; every field can be changed. */
export function rowAt(at: number, change: Partial<RequestRow> = {}): RequestRow {
	const startedAt = NOON + at;
	return {
		id: `request-${at}`,
		started_at: startedAt,
		operation: "messages",
		client_format: "anthropic",
		outcome: "served",
		status: 200,
		error: null,
		key_id: "key-1",
		key_alias: "laptop",
		team_id: "team-1",
		user_id: "user-1",
		end_user: null,
		session_id: "session-1",
		agent_id: null,
		client: "claude-cli",
		client_version: "2.1",
		tags: [],
		model: "claude-code",
		model_group: "claude-code",
		model_id: "a",
		upstream_model: "claude-sonnet-5-5",
		provider: "anthropic",
		cache_domain: "anthropic/org/a",
		region: null,
		stream: true,
		input_tokens: 10,
		output_tokens: 20,
		cache_read_tokens: 1_000,
		cache_write_5m_tokens: 100,
		cache_write_1h_tokens: 0,
		cost: 0.01,
		cost_input: 0.001,
		cost_cache_read: 0.002,
		cost_cache_write_5m: 0.003,
		cost_cache_write_1h: 0,
		cost_output: 0.004,
		cost_server_tools: 0,
		estimated: false,
		cost_without_caching: 0.05,
		cost_random_routing: 0.03,
		affinity: "hit",
		reason: "prefix",
		predicted_read: 1_000,
		waited_ms: 0,
		ttft_ms: 300,
		duration_ms: 2_000,
		diverted_from: null,
		runner_up: "b",
		attempts: 1,
		miss_cause: null,
		...change,
	};
}

/** An entry of that row and of nothing else. */
export function entryAt(at: number, change: Partial<RequestRow> = {}): LogEntry {
	return entryOf(rowAt(at, change));
}

export function entryOf(row: RequestRow, details: Partial<Details> = {}): LogEntry {
	return { row, details: { ...NO_DETAILS, ...details }, bodies: null };
}
