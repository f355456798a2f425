// What the UI's own endpoints give. Times are ISO strings, money is dollars. Leaves answering to admin/operate.

/** What a client needs to know to connect. */
export interface ConnectFacts {
	readonly version: string;
	/** false = no master key is configured: clients send any key. */
	readonly key_required: boolean;
	readonly models: readonly {
		/** `model_name`; may hold a `*`. */
		readonly name: string;
		readonly model_ids: readonly string[];
		readonly providers: readonly string[];
	}[];
	/** The request log is kept: requests will be seen. */
	readonly log: boolean;
}

/** A deployment that was drained, or taken back. */
export interface Drained {
	readonly model_id: string;
	readonly draining: boolean;
	/** In the database, for all replicas and until it is resumed; false = by this process only, until its end. */
	readonly kept: boolean;
}

/** What a test of a deployment would send and cost. */
export interface TestEstimate {
	readonly model_id: string;
	readonly upstream_model: string;
	/** At most. */
	readonly input_tokens: number;
	readonly output_tokens: number;
	/** At most; null = its price is unknown. */
	readonly dollars: number | null;
}

export interface TestResult {
	readonly ok: boolean;
	readonly status: number | null;
	readonly ms: number;
	readonly error: string;
	readonly input_tokens: number | null;
	readonly output_tokens: number | null;
	readonly dollars: number | null;
}

/** A decision, as POST /route/explain gives it. */
export interface Explained {
	readonly model: string;
	readonly model_group: string;
	readonly affinity: string;
	readonly reason: string | null;
	readonly chosen: Explained["candidates"][number] | null;
	readonly prompt_tokens: number;
	readonly breakpoints: number;
	readonly candidates: readonly {
		readonly model_id: string;
		readonly reason: string;
		readonly predicted_read_tokens: number;
		/** Input side; null = the price is unknown. */
		readonly expected_dollars: number | null;
		readonly thinking_at_risk: boolean;
	}[];
	readonly excluded: readonly {
		readonly model_id: string;
		readonly why: string;
		readonly until: string | null;
		readonly reason?: string;
	}[];
	readonly diverted_from: { readonly model_id: string; readonly why: string } | null;
	/** It would be held back first. */
	readonly hold: { readonly reason: string; readonly model_id: string; readonly until: string } | null;
}
