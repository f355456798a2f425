// The map of a prompt, its blocks in the order of the provider: what was read, written, uncached, and where breakpoints stand.
import type { PromptMapPart } from "../../../src/admin/contract/log.ts";
import { tokens } from "../format.ts";
import { CacheLegend } from "./CacheBar.tsx";

export function PromptMap({ parts: stretches }: { readonly parts: readonly PromptMapPart[] }) {
	const levels = (["tools", "system", "messages"] as const).flatMap((level) => {
		const parts = stretches.filter((part) => part.level === level);
		const sum = parts.reduce((all, part) => all + part.tokens, 0);
		return parts.length === 0 ? [] : [{ level, parts, sum }];
	});
	const all = stretches.reduce((sum, part) => sum + part.tokens, 0);
	return (
		<div className="prompt-map">
			<div className="prompt-map-bar">
				{levels.map(({ level, parts, sum }) => (
					<div key={level} className="prompt-level" style={{ flexGrow: Math.max(1, sum) }}>
						<div className="prompt-parts">
							{parts.map((part) => {
								const blocks = part.to - part.from;
								const title = `${level}, blocks ${part.from}–${part.to - 1}: about ${tokens(part.tokens)} tokens ${part.cache_outcome}${part.breakpoint === null ? "" : `, breakpoint (${part.breakpoint})`}`;
								return (
									<span
										key={`${part.from} ${part.cache_outcome}`}
										role="img"
										aria-label={title}
										title={title}
										className={`prompt-part ${part.cache_outcome}${part.breakpoint === null ? "" : " marked"}${part.tokens < all / 20 ? " small" : ""}`}
										style={{
											flexGrow: Math.max(1, part.tokens),
											backgroundSize: `calc(100% / ${Math.min(blocks, 40)}) 100%`,
										}}
									/>
								);
							})}
						</div>
						<span className="prompt-name">
							{level} <small>{tokens(sum)}</small>
						</span>
					</div>
				))}
			</div>
			<div className="prompt-foot">
				<CacheLegend />
				<span className="muted">
					<span className="mark-sign" /> breakpoint
				</span>
			</div>
		</div>
	);
}
