// How to connect a client to this gateway, with its own address and models, and whether it has worked.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { get } from "../api/client.ts";
import { connectQuery, LIVE_MS, meQuery } from "../api/queries.ts";
import { cacheOutcomeOf } from "../cache.ts";
import { CacheBar } from "../components/CacheBar.tsx";
import { Failed, Loading } from "../components/Failure.tsx";
import { Select } from "../components/Filters.tsx";
import { CopyBlock, DeploymentName, PageHead, Status } from "../components/Parts.tsx";
import { clock, tokens } from "../format.ts";
import { SNIPPETS } from "../snippets.ts";

const route = getRouteApi("/connect");

export function ConnectPage() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const query = useQuery(connectQuery);
	const me = useQuery(meQuery).data;
	const change = (next: { client?: string; model?: string }) =>
		void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
	const snippet = SNIPPETS.find(({ id }) => id === search.client) ?? SNIPPETS[0];
	if (query.isPending) {
		return (
			<div className="page">
				<Loading />
			</div>
		);
	}
	if (query.isError || snippet === undefined) {
		return (
			<div className="page">
				{query.error !== null && <Failed error={query.error} retry={() => void query.refetch()} />}
			</div>
		);
	}
	const { models, key_required: keyRequired, log } = query.data;
	const plain = models.filter(({ name }) => !name.includes("*"));
	const model = search.model ?? plain[0]?.name ?? models[0]?.name ?? "MODEL";
	const key = keyRequired ? "<your key>" : "anything";
	return (
		<div className="page narrow">
			<PageHead title="Connect" note={`This gateway: ${window.location.origin}`}>
				<Select
					label="Model"
					any={plain[0]?.name ?? "No model"}
					value={search.model ?? ""}
					choices={plain.slice(1).map(({ name }) => ({ value: name, label: name }))}
					onChange={(next) => change({ model: next })}
				/>
			</PageHead>
			<div className="connect">
				<nav className="tabs" aria-label="Clients">
					{SNIPPETS.map(({ id, title }) => (
						<button
							key={id}
							type="button"
							className={id === snippet.id ? "tab active" : "tab"}
							aria-current={id === snippet.id ? "true" : undefined}
							onClick={() => change({ client: id })}
						>
							{title}
						</button>
					))}
				</nav>
				<div className="connect-steps">
					<section className="card">
						<h2>1. A key</h2>
						{keyRequired ? (
							me?.role === "admin" ? (
								<p>
									Put a virtual key in the place of <code>{key}</code>: <Link to="/keys">make one</Link>. The master key
									works too, but is not for clients.
								</p>
							) : (
								<p>
									Put your virtual key in the place of <code>{key}</code>.
								</p>
							)
						) : (
							<p>No key is asked for: the gateway listens on this machine only. Any text will do.</p>
						)}
					</section>
					<section className="card">
						<h2>2. {snippet.title}</h2>
						<p className="muted">{snippet.about}</p>
						<CopyBlock label={snippet.title} text={snippet.text({ origin: window.location.origin, model, key })} />
					</section>
					<section className="card">
						<h2>3. Does it work?</h2>
						{log ? (
							<FirstRequest />
						) : (
							<p className="notice warn">
								The request log is off, so that requests cannot be seen here. Set warmpath.request_log.enabled.
							</p>
						)}
					</section>
				</div>
			</div>
		</div>
	);
}

/** Watches for a request that comes while the page is open. */
function FirstRequest() {
	const [since] = useState(() => Date.now());
	const query = useQuery({
		queryKey: ["first-request", since],
		queryFn: ({ signal }) => get("/api/requests", { query: { limit: 1 }, signal }),
		refetchInterval: LIVE_MS,
	});
	if (query.isError) return <Failed error={query.error} />;
	const last = query.data?.requests[0];
	if (last === undefined || last.started_at < since) {
		return (
			<div className="waiting" role="status">
				<span className="live-dot on" aria-hidden="true" />
				<span>
					{last === undefined ? "Waiting for your first request…" : "Waiting for your next request…"}
					{last !== undefined && (
						<small className="muted block">
							The last one came at {clock(last.started_at)}. <Link to="/logs">See the log</Link>
						</small>
					)}
				</span>
			</div>
		);
	}
	const cacheOutcome = cacheOutcomeOf(last);
	const ok = last.status < 400;
	return (
		<div className={ok ? "notice good" : "notice bad"} role="status">
			<p>
				<Status status={last.status} outcome={last.outcome} />{" "}
				{ok ? "It works." : `It came through and was refused: ${last.error ?? last.outcome}.`} {last.model} on{" "}
				<DeploymentName id={last.model_id} />
				{cacheOutcome !== null && ` · ${tokens(cacheOutcome.read)} read, ${tokens(cacheOutcome.written)} written`}
			</p>
			<CacheBar cacheOutcome={cacheOutcome} />
			<p>
				<Link to="/logs" search={{ request: last.id }}>
					See where it went and why
				</Link>
				{ok && ". Send the same again within five minutes: it should be read from the cache, on the same model id."}
			</p>
		</div>
	);
}
