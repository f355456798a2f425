// Deployments by cache domain: health, load, room, what is warm; drain, resume, test. Leaves what they did to the logs.
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useRef, useState } from "react";
import type { DeploymentsView, DeploymentView } from "../../../src/admin/contract/operate.ts";
import { post, queryClient } from "../api/client.ts";
import { deploymentsQuery, meQuery, testQuery } from "../api/queries.ts";
import { cacheOutcomeOfSums, hitShare } from "../cache.ts";
import { CacheBar, CacheLegend } from "../components/CacheBar.tsx";
import { Empty, Failed, Loading } from "../components/Failure.tsx";
import { Select } from "../components/Filters.tsx";
import { Badge, DeploymentName, Facts, PageHead } from "../components/Parts.tsx";
import { Fetched } from "../components/Table.tsx";
import {
	count,
	dollars,
	duration,
	exactDollars,
	exactSum,
	exactTime,
	exactTokens,
	percent,
	relative,
	sumOfDollars,
	tokens,
} from "../format.ts";

const route = getRouteApi("/deployments");

type Domain = DeploymentsView["domains"][number];

export function DeploymentsPage() {
	const { group } = route.useSearch();
	const navigate = route.useNavigate();
	const query = useQuery(deploymentsQuery);
	const groups = [...new Set(query.data?.deployments.map(({ model_group }) => model_group) ?? [])].sort();
	return (
		<div className="page">
			<PageHead title="Deployments" note="Grouped by cache domain: deployments in one domain read each other's cache.">
				<Select
					label="Model"
					any="All models"
					value={group ?? ""}
					choices={groups.map((value) => ({ value, label: value }))}
					onChange={(next) => void navigate({ search: { group: next }, replace: true })}
				/>
			</PageHead>
			<Fetched query={query}>
				{(view) =>
					view.deployments.length === 0 ? (
						<Empty title="No deployments are configured">
							<p>
								Add entries to <code>model_list</code> in the configuration file and send the gateway SIGHUP.
							</p>
						</Empty>
					) : (
						<>
							<CacheLegend />
							<div className="domains">
								{view.domains.map((domain) => (
									<DomainCard key={domain.model_ids.join(" ")} domain={domain} view={view} group={group} />
								))}
							</div>
						</>
					)
				}
			</Fetched>
		</div>
	);
}

function DomainCard({
	domain,
	view,
	group,
}: {
	readonly domain: Domain;
	readonly view: DeploymentsView;
	readonly group: string | undefined;
}) {
	const members = view.deployments.filter(
		({ model_id, model_group }) =>
			domain.model_ids.includes(model_id) && (group === undefined || model_group === group),
	);
	if (members.length === 0) return null;
	return (
		<section
			className={members.length > 1 ? "card domain wide" : "card domain"}
			aria-label={`Cache domain ${domain.name ?? domain.model_ids.join(", ")}`}
		>
			<header className="domain-head">
				<div>
					<h2 className="domain-name">{domain.name ?? "Domain not known yet"}</h2>
					<p className="muted">
						{domain.name === null
							? "Its name is learned from the first answer."
							: `${count(members.length)} deployment${members.length === 1 ? "" : "s"}`}
					</p>
				</div>
				<Facts
					rows={[
						["Warm now", tokens(domain.warm_tokens), exactTokens(domain.warm_tokens)],
						["Expiring soon", tokens(domain.expiring_tokens), `${exactTokens(domain.expiring_tokens)} within a minute`],
						["Conversations", count(domain.conversations)],
						["Read back", percent(domain.read_back_rate), "share of predicted reads that were really read of late"],
					]}
				/>
			</header>
			<div className="deployments">
				{members.map((deployment) => (
					<DeploymentCard key={deployment.model_id} deployment={deployment} view={view} />
				))}
			</div>
		</section>
	);
}

const STATES: Readonly<
	Record<DeploymentView["state"], { readonly label: string; readonly tone: "good" | "warn" | "bad" }>
> = {
	ready: { label: "ready", tone: "good" },
	trial: { label: "on trial", tone: "warn" },
	cooling_down: { label: "cooling down", tone: "warn" },
	quarantined: { label: "credentials refused", tone: "bad" },
};

function DeploymentCard({
	deployment,
	view: { now, drains_kept: kept },
}: {
	readonly deployment: DeploymentView;
	readonly view: DeploymentsView;
}) {
	const { measures, state } = deployment;
	const cacheOutcome = cacheOutcomeOfSums(measures);
	const word = STATES[state];
	return (
		<article
			className={deployment.draining ? "deployment-card draining" : "deployment-card"}
			data-deployment={deployment.model_id}
		>
			<header>
				<h3>
					<DeploymentName id={deployment.model_id} link />
				</h3>
				<span className="badges">
					{deployment.draining && (
						<Badge tone="warn" title="No new conversations; homes move as they expire">
							draining
						</Badge>
					)}
					<Badge tone={word.tone}>{word.label}</Badge>
				</span>
			</header>
			<p className="muted deployment-what">
				{deployment.model_group} → {deployment.provider} / {deployment.upstream_model}
				{deployment.region !== null && `, ${deployment.region}`}
			</p>
			{deployment.until !== null && (
				<p className="notice warn" title={exactTime(deployment.until)}>
					Not used until {relative(deployment.until, now)}: {deployment.reason}.
				</p>
			)}
			{deployment.rests.map(({ part, reason, until }) => (
				<p key={part} className="notice warn" title={exactTime(until)}>
					Not used for {part} until {relative(until, now)}: {reason}.
				</p>
			))}
			{deployment.draining && (
				<p className="hint">
					No new conversations; those at home here stay until their cache expires.{" "}
					{kept
						? "All replicas do so, until somebody resumes it."
						: "Without a database only this process does so, until it ends."}
				</p>
			)}
			<Facts
				rows={[
					[
						"In flight",
						deployment.max_parallel_requests === null
							? count(deployment.in_flight)
							: `${deployment.in_flight} of ${deployment.max_parallel_requests}`,
					],
					[
						"Recent load",
						tokens(deployment.recent_load_tokens),
						`${exactTokens(deployment.recent_load_tokens)} uncached, halved every minute`,
					],
					["First token", duration(deployment.first_token_ms), "as if all of the prompt had been cached"],
					[
						"Accuracy",
						percent(deployment.prediction_accuracy, 1),
						"share of the predicted tokens that were really read, last 24 hours",
					],
					["Requests, 24 h", count(measures.requests)],
					["Spend, 24 h", sumOfDollars(measures), exactSum(measures)],
				]}
			/>
			<div className="deployment-hit">
				<CacheBar cacheOutcome={cacheOutcome} />
				<span>{percent(hitShare(cacheOutcome))} hit</span>
			</div>
			<Headroom limits={deployment.limits} />
			<Actions deployment={deployment} />
		</article>
	);
}

const LIMITS = [
	["requests", "requests"],
	["input_tokens", "input tokens"],
	["output_tokens", "output tokens"],
	["tokens", "all tokens"],
] as const;

function Headroom({ limits }: { readonly limits: DeploymentView["limits"] }) {
	const known = LIMITS.flatMap(([name, label]) => {
		const level = limits[name];
		return level === null ? [] : [{ name, label, ...level }];
	});
	if (known.length === 0) return <p className="hint">No rate limit is known yet.</p>;
	return (
		<ul className="headroom" aria-label="Room that is left, a minute">
			{known.map(({ name, label, limit, left }) => {
				const share = Math.max(0, Math.min(1, left / limit));
				const exact = `${count(left)} of ${count(limit)} ${label} a minute left`;
				return (
					<li key={name}>
						<span className="headroom-label">{label}</span>
						<meter min={0} max={1} low={0.15} optimum={1} value={share} title={exact} aria-label={exact} />
						<span className="headroom-value" title={exact}>
							{tokens(Math.max(0, left))} / {tokens(limit)}
						</span>
					</li>
				);
			})}
		</ul>
	);
}

function Actions({ deployment }: { readonly deployment: DeploymentView }) {
	const me = useQuery(meQuery).data;
	const { model_id: id, draining } = deployment;
	const drain = useMutation({
		mutationFn: () => post(`/api/deployments/{id}/${draining ? "resume" : "drain"}`, { params: { id } }),
		onSuccess: () => queryClient.invalidateQueries({ queryKey: ["deployments"] }),
	});
	const dialog = useRef<HTMLDialogElement>(null);
	const [asks, setAsks] = useState(false);
	if (me?.role !== "admin" || me.read_only) return null;
	return (
		<footer className="card-actions">
			<button
				type="button"
				className="button small"
				disabled={drain.isPending}
				onClick={() => drain.mutate()}
				title={
					draining
						? "Let it take new conversations again"
						: "No new conversations; those at home there stay until their cache expires"
				}
			>
				{draining ? "Resume" : "Drain"}
			</button>
			<button
				type="button"
				className="button small"
				onClick={() => {
					setAsks(true);
					dialog.current?.showModal();
				}}
			>
				Test…
			</button>
			{drain.isError && <Failed error={drain.error} />}
			<dialog ref={dialog} className="dialog" aria-label={`Test ${id}`} onClose={() => setAsks(false)}>
				{asks && <TestDialog id={id} close={() => dialog.current?.close()} />}
			</dialog>
		</footer>
	);
}

function TestDialog({ id, close }: { readonly id: string; readonly close: () => void }) {
	const estimate = useQuery(testQuery(id));
	const test = useMutation({ mutationFn: () => post("/api/deployments/{id}/test", { params: { id } }) });
	return (
		<>
			<h2>
				Test <DeploymentName id={id} />
			</h2>
			{estimate.isPending ? (
				<Loading lines={2} />
			) : estimate.isError ? (
				<Failed error={estimate.error} />
			) : (
				<p>
					Sends one real request to <code>{estimate.data.upstream_model}</code>: at most {estimate.data.input_tokens}{" "}
					tokens in, {estimate.data.output_tokens} out.{" "}
					{estimate.data.dollars === null ? (
						"What it costs is not known: this model has no price."
					) : (
						<>
							It will cost at most{" "}
							<strong title={exactDollars(estimate.data.dollars)}>{dollars(estimate.data.dollars)}</strong>.
						</>
					)}
				</p>
			)}
			{test.isError && <Failed error={test.error} />}
			{test.data !== undefined && (
				<p className={test.data.ok ? "notice good" : "notice bad"} role="status">
					{test.data.ok ? (
						<>
							It answered in {duration(test.data.ms)}
							{test.data.dollars !== null && <>, for {dollars(test.data.dollars)}</>}.
						</>
					) : (
						<>
							{test.data.status === null ? "No answer" : `Status ${test.data.status}`} after {duration(test.data.ms)}:{" "}
							{test.data.error}
						</>
					)}
				</p>
			)}
			<div className="dialog-actions">
				<button type="button" className="button" onClick={close}>
					Close
				</button>
				<button
					type="button"
					className="button primary"
					disabled={estimate.isPending || test.isPending}
					onClick={() => test.mutate()}
				>
					{test.isPending ? "Asking…" : test.data === undefined ? "Send the test request" : "Send another"}
				</button>
			</div>
		</>
	);
}
