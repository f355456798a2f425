// A logged request's flat columns, in the order in which a chunk of the log keeps them. Leaves their meaning to db/tables and what stands
// beside them to db/details.
import type { Packer, Unpacker } from "./packing.ts";
import type { RequestRow } from "./tables.ts";

/** What filters look at: the first columns of every row. */
export const EXAMINED = [
	"id",
	"started_at",
	"operation",
	"outcome",
	"status",
	"key_id",
	"team_id",
	"user_id",
	"end_user",
	"session",
	"agent",
	"model",
	"model_id",
	"affinity",
	"reason",
	"miss",
	"cost",
] as const satisfies readonly (keyof RequestRow)[];

export type Examined = (typeof EXAMINED)[number];

/** Where a column's value stands among the examined. */
export const POSITION = Object.fromEntries(EXAMINED.map((name, at) => [name, at])) as Readonly<
	Record<Examined, number>
>;

/** Appends a row; `unpackRow` reads it. Kept on disk: only ever add at the end, and tell it by the chunk's version. */
export function packRow(packer: Packer, row: RequestRow): void {
	packer.id(row.id);
	packer.number(row.started_at);
	packer.word(row.operation);
	packer.word(row.outcome);
	packer.number(row.status);
	packer.word(row.key_id);
	packer.word(row.team_id);
	packer.word(row.user_id);
	packer.word(row.end_user);
	packer.word(row.session);
	packer.word(row.agent);
	packer.word(row.model);
	packer.word(row.model_id);
	packer.word(row.affinity);
	packer.word(row.reason);
	packer.word(row.miss);
	packer.number(row.cost);
	packer.number(row.first_byte_at);
	packer.number(row.ended_at);
	packer.word(row.dialect);
	packer.word(row.error);
	packer.word(row.key_alias);
	packer.word(row.client);
	packer.word(row.model_group);
	packer.word(row.upstream_model);
	packer.word(row.provider);
	packer.word(row.domain);
	packer.word(row.region);
	packer.number(row.stream);
	packer.number(row.input_tokens);
	packer.number(row.output_tokens);
	packer.number(row.read_tokens);
	packer.number(row.write_5m_tokens);
	packer.number(row.write_1h_tokens);
	packer.number(row.cost_input);
	packer.number(row.cost_read);
	packer.number(row.cost_write_5m);
	packer.number(row.cost_write_1h);
	packer.number(row.cost_output);
	packer.number(row.cost_uncached);
	packer.number(row.cost_random);
	packer.number(row.predicted_read_tokens);
	packer.number(row.waited_ms);
	packer.word(row.diverted_from);
	packer.word(row.runner_up);
	packer.number(row.attempts);
}

/** What `packRow` appended. Fields are read in the order in which they stand. */
export function unpackRow(from: Unpacker): RequestRow {
	return {
		id: from.text(),
		started_at: from.count(),
		operation: from.text(),
		outcome: from.text(),
		status: from.count(),
		key_id: from.word(),
		team_id: from.word(),
		user_id: from.word(),
		end_user: from.word(),
		session: from.word(),
		agent: from.word(),
		model: from.word(),
		model_id: from.word(),
		affinity: from.word(),
		reason: from.word(),
		miss: from.word(),
		cost: from.number(),
		first_byte_at: from.number(),
		ended_at: from.count(),
		dialect: from.text(),
		error: from.word(),
		key_alias: from.word(),
		client: from.word(),
		model_group: from.word(),
		upstream_model: from.word(),
		provider: from.word(),
		domain: from.word(),
		region: from.word(),
		stream: from.count(),
		input_tokens: from.number(),
		output_tokens: from.number(),
		read_tokens: from.number(),
		write_5m_tokens: from.number(),
		write_1h_tokens: from.number(),
		cost_input: from.number(),
		cost_read: from.number(),
		cost_write_5m: from.number(),
		cost_write_1h: from.number(),
		cost_output: from.number(),
		cost_uncached: from.number(),
		cost_random: from.number(),
		predicted_read_tokens: from.number(),
		waited_ms: from.count(),
		diverted_from: from.word(),
		runner_up: from.word(),
		attempts: from.count(),
	};
}
