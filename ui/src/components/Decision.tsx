// A routing decision with its candidates and their prices: of a logged request, or asked for now.
import { dollars, exactDollars, relative, tokens } from "../format.ts";
import { EXCLUSIONS, REASONS, reasonLabel } from "../words.ts";
import { Badge, DeploymentName } from "./Parts.tsx";

export interface DecisionProps {
	readonly chosen: string | null;
	readonly reason: string | null;
	readonly candidates: readonly {
		readonly model_id: string;
		readonly reason: string;
		readonly predicted_read_tokens: number;
		readonly expected_dollars: number | null;
		readonly thinking_at_risk: boolean;
	}[];
	/** `until` is ms since epoch; `reason` is what the upstream said, in plain words. */
	readonly excluded: readonly {
		readonly model_id: string;
		readonly why: string;
		readonly until: number | null;
		readonly reason?: string;
	}[];
	readonly diverted: { readonly model_id: string; readonly why: string } | null;
}

export function Decision({ chosen, reason, candidates, excluded, diverted }: DecisionProps) {
	const about = reason === null ? undefined : REASONS[reason];
	return (
		<div className="decision">
			{about !== undefined && (
				<p>
					<Badge tone={reason === "diverted" || reason === "last_resort" ? "warn" : "accent"}>{about.label}</Badge>{" "}
					{about.means}
				</p>
			)}
			{diverted !== null && (
				<p className="muted">
					Diverted from <DeploymentName id={diverted.model_id} />: {EXCLUSIONS[diverted.why] ?? diverted.why}.
				</p>
			)}
			{candidates.length === 0 && excluded.length === 0 ? (
				<p className="muted">Nothing was planned for this request.</p>
			) : (
				<table className="small-table">
					<caption className="hidden">
						Candidates in the order in which they would be tried, with what the prompt would cost there
					</caption>
					<thead>
						<tr>
							<th scope="col">Deployment</th>
							<th scope="col">Why</th>
							<th scope="col" className="number">
								Would read
							</th>
							<th scope="col" className="number">
								Prompt would cost
							</th>
						</tr>
					</thead>
					<tbody>
						{candidates.map((each) => (
							<tr
								key={each.model_id}
								className={each.model_id === chosen ? "chosen" : undefined}
								aria-current={each.model_id === chosen ? "true" : undefined}
							>
								<td>
									<DeploymentName id={each.model_id} />
								</td>
								<td title={REASONS[each.reason]?.means}>
									{reasonLabel(each.reason)}
									{each.thinking_at_risk && (
										<Badge title="Another account: signed thinking blocks would be dropped">thinking at risk</Badge>
									)}
								</td>
								<td className="number" title={`${each.predicted_read_tokens.toLocaleString("en-US")} tokens`}>
									{tokens(each.predicted_read_tokens)}
								</td>
								<td className="number" title={exactDollars(each.expected_dollars)}>
									{dollars(each.expected_dollars)}
								</td>
							</tr>
						))}
						{excluded.map((each) => (
							<tr key={each.model_id} className="excluded">
								<td>
									<DeploymentName id={each.model_id} />
								</td>
								<td colSpan={3}>
									not asked: {each.reason ?? EXCLUSIONS[each.why] ?? each.why}
									{each.until !== null && ` (until ${relative(each.until)})`}
								</td>
							</tr>
						))}
					</tbody>
				</table>
			)}
		</div>
	);
}
