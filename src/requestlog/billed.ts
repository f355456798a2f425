// What the log keeps of a bill beside its sums: the calls an answer was made of, tools, how it was served, what is estimated or unknown.
// Leaves working it out to routing/bill and proxy/record/spending.

export interface BilledDetails {
	/** Counts that the provider did not report and the gateway estimated: input, output. */
	readonly estimated: readonly string[];
	/** Why the cost is not known; null = it is. */
	readonly unknown: string | null;
	/** Calls to models where the answer was made of several, each billed by itself; empty = the request's own counts are the bill. */
	readonly iterations: readonly BilledIteration[];
	/** Calls of tools that the provider ran, by its names. */
	readonly server_tools: Readonly<Record<string, number>>;
	/** As the answer said them; null = it did not. */
	readonly speed: string | null;
	readonly service_tier: string | null;
	readonly inference_geo: string | null;
}

/** Counts are null where the provider reported none. */
interface BilledIteration {
	readonly kind: string;
	/** null = the request's. */
	readonly model: string | null;
	readonly input_tokens: number | null;
	readonly output_tokens: number | null;
	readonly read_tokens: number | null;
	readonly write_5m_tokens: number | null;
	readonly write_1h_tokens: number | null;
}
