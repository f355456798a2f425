// What tools cost that the provider runs itself: a dated table by the names of `usage.server_tool_use`. Leaves tokens to pricing/cost.

/** Dollars a call; null = it is not billed by the call, so that the answer does not tell what it cost. Read 2026-11-30. */
const PRICES: ReadonlyMap<string, number | null> = new Map([
	// Docs: pricing, web search: $10 per 1,000 searches, errors not billed.
	["web_search_requests", 0.01],
	// Docs: pricing, web fetch: tokens only.
	["web_fetch_requests", 0],
	// Docs: tool search is counted here, and has no price beside its tokens.
	["tool_search_requests", 0],
	// Docs: pricing, code execution: $0.05 an hour of a container, after 1,550 hours a month of the organization's.
	["code_execution_requests", null],
]);

/** Docs: pricing, code execution: no charge in requests that use the web tools. */
const FREE_BESIDE: ReadonlyMap<string, readonly string[]> = new Map([
	["code_execution_requests", ["web_search_requests", "web_fetch_requests"]],
]);

export interface ToolBill {
	/** Those that are known. */
	readonly dollars: number;
	/** Names of those that were used and have no price a call. */
	readonly unknown: readonly string[];
}

/** What the calls of one answer cost, by their counts. */
export function toolBillOf(calls: Readonly<Record<string, number>>): ToolBill {
	let dollars = 0;
	const unknown: string[] = [];
	for (const [name, count] of Object.entries(calls)) {
		if (count <= 0) continue;
		const isFree = FREE_BESIDE.get(name)?.some((other) => (calls[other] ?? 0) > 0) === true;
		const price = isFree ? 0 : (PRICES.get(name) ?? null);
		if (price === null) unknown.push(name);
		else dollars += price * count;
	}
	return { dollars, unknown };
}
