// Everything known of one request, beside the list it was opened from.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import type { RequestDetail, RequestView } from "../../../src/admin/contract/log.ts";
import { requestQuery } from "../api/queries.ts";
import { cacheOutcomeOf, hitShare, promptTokens, savedByCaching } from "../cache.ts";
import {
	clock,
	count,
	dollars,
	duration,
	exactDollars,
	exactTime,
	exactTokens,
	percent,
	shortId,
	tokens,
} from "../format.ts";
import { useKeys } from "../keyboard.ts";
import { MISSES, OUTCOMES } from "../words.ts";
import { CacheBar } from "./CacheBar.tsx";
import { Decision } from "./Decision.tsx";
import { Icon } from "./Icon.tsx";
import { Badge, CopyBlock, CopyLine, DeploymentName, Facts, Status } from "./Parts.tsx";
import { PromptMap } from "./PromptMap.tsx";
import { Fetched } from "./Table.tsx";

export function RequestDrawer(about: {
	readonly id: string;
	readonly onOpen: (id: string) => void;
	readonly onClose: () => void;
}) {
	const { id, onOpen, onClose } = about;
	const query = useQuery(requestQuery(id));
	const panel = useRef<HTMLElement>(null);
	// While the next request is fetched the last one is still shown: its neighbours are not this one's.
	const shown = query.data?.request.id === id ? query.data : undefined;
	const previous = shown?.previous ?? null;
	const following = shown?.following ?? null;
	useKeys({
		Escape: onClose,
		"[": () => previous !== null && onOpen(previous),
		"]": () => following !== null && onOpen(following),
	});
	useEffect(() => {
		const before = document.activeElement;
		panel.current?.focus({ preventScroll: true });
		return () => {
			if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
		};
	}, []);
	return (
		<aside className="drawer" ref={panel} tabIndex={-1} aria-label="Request">
			<div className="drawer-bar">
				<button
					type="button"
					className="button small"
					disabled={previous === null}
					onClick={() => previous !== null && onOpen(previous)}
				>
					<Icon name="previous" /> Previous turn
				</button>
				<button
					type="button"
					className="button small"
					disabled={following === null}
					onClick={() => following !== null && onOpen(following)}
				>
					Next turn <Icon name="next" />
				</button>
				<button type="button" className="quiet icon-only" onClick={onClose} aria-label="Close" title="Close (Esc)">
					<Icon name="close" />
				</button>
			</div>
			<Fetched query={query}>{(detail) => <Detail detail={detail} />}</Fetched>
		</aside>
	);
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
	return (
		<section className="drawer-section">
			<h3>{title}</h3>
			{children}
		</section>
	);
}

function Detail({ detail }: { readonly detail: RequestDetail }) {
	const { request } = detail;
	return (
		<div className="drawer-body" data-request={request.id}>
			<header>
				<h2>
					<Status status={request.status} outcome={request.outcome} /> {request.model ?? "no model"}
				</h2>
				<p className="drawer-sub">
					<DeploymentName id={request.model_id} />{" "}
					<span title={exactTime(request.started_at)}>{clock(request.started_at)}</span>
					{request.agent_id !== null && <Badge>subagent</Badge>}
					{request.operation !== "messages" && <Badge>{request.operation}</Badge>}
				</p>
				{(detail.error_message !== null || request.error !== null) && (
					<p className="notice bad">
						{OUTCOMES[request.outcome] ?? request.outcome}. {detail.error_message ?? request.error}
					</p>
				)}
			</header>
			<Miss detail={detail} />
			<About detail={detail} />
			<Metrics request={request} />
			{detail.prompt !== null && (
				<Section title="Prefix map">
					<PromptMap parts={detail.prompt} />
				</Section>
			)}
			<Cost detail={detail} />
			<Section title="Routing decision">
				<Decision
					chosen={request.model_id}
					reason={request.reason}
					candidates={detail.candidates}
					excluded={detail.excluded}
					diverted={detail.diverted}
				/>
			</Section>
			<Attempts detail={detail} />
			{detail.bodies !== null && (
				<Section title="Bodies">
					{detail.bodies.request !== null && <CopyBlock label="request body" text={detail.bodies.request} />}
					{detail.bodies.response !== null && <CopyBlock label="response body" text={detail.bodies.response} />}
				</Section>
			)}
		</div>
	);
}

function Miss({ detail: { miss } }: { readonly detail: RequestDetail }) {
	if (miss === null) return null;
	const word = MISSES[miss.reason];
	return (
		<div className="notice warn" data-miss={miss.reason}>
			<strong>Why it missed: {word?.label ?? miss.reason}.</strong> {capital(miss.detail)}.
			{miss.tokens > 0 && <> {tokens(miss.tokens)} cached tokens were not read.</>}
		</div>
	);
}

function Metrics({ request }: { readonly request: RequestView }) {
	const cacheOutcome = cacheOutcomeOf(request);
	const { ttft_ms, duration_ms, predicted_read: predicted } = request;
	return (
		<Section title="Metrics">
			<CacheBar cacheOutcome={cacheOutcome} tall />
			<Facts
				rows={[
					["Cache read tokens", count(cacheOutcome?.read), exactTokens(cacheOutcome?.read)],
					[
						"Cache creation tokens",
						count(cacheOutcome?.written),
						`${count(request.cache_write_5m_tokens)} for 5 min, ${count(request.cache_write_1h_tokens)} for 1 h`,
					],
					["Uncached", tokens(cacheOutcome?.uncached), exactTokens(cacheOutcome?.uncached)],
					[
						"Prompt",
						tokens(cacheOutcome === null ? null : promptTokens(cacheOutcome)),
						exactTokens(cacheOutcome === null ? null : promptTokens(cacheOutcome)),
					],
					["Output", tokens(request.output_tokens), exactTokens(request.output_tokens)],
					["Hit", percent(hitShare(cacheOutcome), 1)],
					["Predicted read", tokens(predicted), exactTokens(predicted)],
					["First token", duration(ttft_ms), ttft_ms === null ? undefined : `${ttft_ms} ms`],
					["Duration", duration(duration_ms), `${duration_ms} ms`],
					...(request.waited_ms > 0
						? [["Held back", duration(request.waited_ms), `${request.waited_ms} ms`] as const]
						: []),
				]}
			/>
		</Section>
	);
}

function Cost({ detail: { request, billed } }: { readonly detail: RequestDetail }) {
	if (request.cost === null) {
		return (
			<Section title="Cost">
				<p className="muted">
					Unknown:{" "}
					{request.input_tokens === null
						? "no usage was reported."
						: `${billed?.unknown ?? "this model has no price"}. Prices can be set in its model_info, as input_cost_per_token and others.`}
				</p>
			</Section>
		);
	}
	const saved = savedByCaching(request);
	const routed = request.cost_random_routing === null ? null : request.cost_random_routing - request.cost;
	const parts: readonly (readonly [string, number | null])[] = [
		["Uncached input", request.cost_input],
		["Cache read", request.cost_cache_read],
		["Cache write, 5 min", request.cost_cache_write_5m],
		["Cache write, 1 h", request.cost_cache_write_1h],
		["Output", request.cost_output],
		["Tools of the provider", request.cost_server_tools],
	];
	return (
		<Section title="Cost">
			<table className="small-table">
				<tbody>
					{parts
						.filter(([, value]) => value !== null && value > 0)
						.map(([name, value]) => (
							<tr key={name}>
								<th scope="row">{name}</th>
								<td className="number" title={exactDollars(value)}>
									{dollars(value)}
								</td>
							</tr>
						))}
					<tr className="total">
						<th scope="row">Total</th>
						<td className="number" title={exactDollars(request.cost)}>
							{dollars(request.cost)}
						</td>
					</tr>
					<tr>
						<th scope="row">Without caching</th>
						<td className="number" title={exactDollars(request.cost_without_caching)}>
							{dollars(request.cost_without_caching)} <Saved value={saved} />
						</td>
					</tr>
					{request.cost_random_routing !== null && (
						<tr>
							<th scope="row">Expected with random routing</th>
							<td className="number" title={exactDollars(request.cost_random_routing)}>
								{dollars(request.cost_random_routing)} <Saved value={routed} />
							</td>
						</tr>
					)}
				</tbody>
			</table>
			{billed !== null && <Billed billed={billed} />}
		</Section>
	);
}

/** What of the bill the sums do not show. */
function Billed({ billed }: { readonly billed: NonNullable<RequestDetail["billed"]> }) {
	const { estimated, iterations, server_tools: tools, speed, service_tier: tier, inference_geo: geo } = billed;
	const lines = [
		estimated.length === 0 ? null : `Estimated, because the answer was cut off: ${estimated.join(", ")}.`,
		...iterations.map(
			({ kind, model, output_tokens: output, ...prompt }) =>
				`${kind}${model === null ? "" : ` of ${model}`}: ${tokens(promptOf(prompt))} in, ${tokens(output)} out.`,
		),
		...Object.entries(tools).map(([name, calls]) => `${name}: ${count(calls)}.`),
		speed === null ? null : `Speed: ${speed}.`,
		tier === null ? null : `Service tier: ${tier}.`,
		geo === null ? null : `Inference: ${geo}.`,
	];
	return (
		<ul className="muted">
			{lines
				.filter((line) => line !== null)
				.map((line, at) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: the list never changes, and two calls may be alike
					<li key={at}>{line}</li>
				))}
		</ul>
	);
}

function promptOf(counts: Readonly<Record<string, number | string | null>>): number | null {
	const known = ["input_tokens", "read_tokens", "write_5m_tokens", "write_1h_tokens"].flatMap((name) => {
		const value = counts[name];
		return typeof value === "number" ? [value] : [];
	});
	return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

function Saved({ value }: { readonly value: number | null }) {
	if (value === null || Math.abs(value) < 1e-9) return null;
	return (
		<small className={value > 0 ? "good" : "bad"}>
			{value > 0 ? `saved ${dollars(value)}` : `cost ${dollars(-value)} more`}
		</small>
	);
}

function Attempts({ detail: { attempts } }: { readonly detail: RequestDetail }) {
	if (attempts.length === 0) return null;
	return (
		<Section title={attempts.length === 1 ? "Attempt" : `${attempts.length} attempts`}>
			<table className="small-table">
				<tbody>
					{attempts.map((each) => (
						<tr key={`${each.model_id} ${each.started_at}`}>
							<td>
								<DeploymentName id={each.model_id} />
							</td>
							<td>
								{each.outcome}
								{each.status !== null && ` · ${each.status}`}
								{each.error !== "" && <small className="bad"> {each.error}</small>}
							</td>
							<td className="number">{duration(each.ms)}</td>
						</tr>
					))}
				</tbody>
			</table>
		</Section>
	);
}

function About({ detail }: { readonly detail: RequestDetail }) {
	const { request } = detail;
	return (
		<Section title="Request details">
			<Facts
				rows={[
					["Model ID", <DeploymentName key="id" id={request.model_id} />, request.model_id ?? undefined],
					["Model", request.model ?? "–"],
					["Upstream model", request.upstream_model ?? "–"],
					["Provider", [request.provider, request.region].filter((part) => part !== null).join(", ") || "–"],
					["Cache domain", request.cache_domain ?? "not known yet"],
					["Format", `${request.client_format}${request.stream ? ", streamed" : ""}`],
					["Client", [request.client, request.client_version].filter((part) => part !== null).join(" ") || "–"],
					["Team", detail.team_alias ?? request.team_id ?? "–"],
					...(detail.request_class === null ? [] : [["Class", detail.request_class] as const]),
					...(request.tags.length === 0 ? [] : [["Tags", request.tags.join(", ")] as const]),
				]}
			/>
			<CopyLine label="Request id" text={request.id} />
			{request.model_id !== null && <CopyLine label="Model ID" text={request.model_id} />}
			{request.session_id !== null && <CopyLine label="Session" text={request.session_id} />}
			{request.agent_id !== null && <CopyLine label="Agent" text={request.agent_id} />}
			{request.key_id !== null && <CopyLine label={`Key ${request.key_alias ?? ""}`} text={request.key_id} />}
			<p className="drawer-links">
				{request.session_id !== null && (
					<Link
						to="/sessions/$session"
						params={{ session: request.session_id }}
						search={request.key_id === null ? {} : { key: request.key_id }}
					>
						Open session {shortId(request.session_id)}
					</Link>
				)}
				{request.operation === "messages" && (
					<Link to="/explain" search={{ request: request.id }}>
						Where would it go now?
					</Link>
				)}
			</p>
		</Section>
	);
}

function capital(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
