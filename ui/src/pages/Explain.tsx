// Where a request would go now, without sending it: pasted, or taken from the log where bodies are stored.
import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import type { RequestDetail } from "../../../src/admin/contract/log.ts";
import type { Explained } from "../../../src/admin/contract/operate.ts";
import { post } from "../api/client.ts";
import { connectQuery, keysQuery, requestQuery, requestsQuery } from "../api/queries.ts";
import { cacheOutcomeOf, promptTokens } from "../cache.ts";
import { Decision } from "../components/Decision.tsx";
import { Failed } from "../components/Failure.tsx";
import { Badge, DeploymentName, Facts, PageHead } from "../components/Parts.tsx";
import { clock, count, dollars, exactDollars, exactTokens, relative, shortId, tokens } from "../format.ts";

const route = getRouteApi("/explain");

const AFFINITY: Readonly<Record<string, string>> = {
	hit: "A live prefix of this conversation chose the deployment.",
	new: "No earlier turn of this conversation is known.",
	miss: "The conversation is known, but no live prefix is where it could go.",
	none: "The request marks nothing for caching.",
	off: "Affinity is switched off.",
};

interface Question {
	readonly body: string;
	readonly session: string;
	readonly agent: string;
	readonly betas: string;
	readonly key: string;
}

const EMPTY: Question = { body: "", session: "", agent: "", betas: "", key: "" };

export function ExplainPage() {
	const { request } = route.useSearch();
	const navigate = route.useNavigate();
	const picked = useQuery({ ...requestQuery(request ?? ""), enabled: request !== undefined });
	const facts = useQuery(connectQuery).data;
	const keys = useInfiniteQuery(keysQuery).data?.pages.flatMap((page) => page.keys) ?? [];
	const [question, setQuestion] = useState(EMPTY);
	const set = (next: Partial<Question>) => setQuestion((before) => ({ ...before, ...next }));
	const explain = useMutation({ mutationFn: askWith });
	useEffect(() => {
		if (picked.data !== undefined) setQuestion(questionOf(picked.data));
	}, [picked.data]);
	const submit = (event: FormEvent): void => {
		event.preventDefault();
		explain.mutate(question);
	};
	const example = (): void =>
		set({ body: exampleOf(facts?.models.find(({ name }) => !name.includes("*"))?.name ?? "claude-code") });
	return (
		<div className="page">
			<PageHead
				title="Route explainer"
				note="Where a request would go now, and why. Nothing is sent, nothing is learned, nothing is spent."
			/>
			<div className="explain">
				<form className="card form" onSubmit={submit}>
					<PickRequest picked={request} pick={(next) => void navigate({ search: { request: next }, replace: true })} />
					{request !== undefined && picked.data !== undefined && (
						<p className={picked.data.bodies?.request != null ? "notice" : "notice warn"}>
							{picked.data.bodies?.request != null ? (
								`Taken from request ${shortId(request)}, with its sender.`
							) : (
								<>
									That request's body is not stored: paste it below. To keep bodies of later requests, set{" "}
									<code>store_prompts_in_spend_logs: true</code> under <code>general_settings</code>.
								</>
							)}
						</p>
					)}
					{picked.isError && <Failed error={picked.error} />}
					<div className="field">
						<label htmlFor="explain-body">Body of POST /v1/messages</label>
						<textarea
							id="explain-body"
							rows={14}
							spellCheck={false}
							required
							value={question.body}
							onChange={(event) => set({ body: event.target.value })}
							placeholder='{"model": "…", "messages": […]}'
						/>
						<small className="hint">
							No body at hand?{" "}
							<button type="button" className="link" onClick={example}>
								Fill in an example
							</button>
						</small>
					</div>
					<details open={question.session !== "" || question.key !== "" || question.betas !== ""}>
						<summary>Who sends it</summary>
						<div className="field-row">
							<Text
								label="Session (x-claude-code-session-id)"
								value={question.session}
								onChange={(session) => set({ session })}
							/>
							<Text
								label="Agent (x-claude-code-agent-id)"
								value={question.agent}
								onChange={(agent) => set({ agent })}
							/>
						</div>
						<Text label="anthropic-beta" value={question.betas} onChange={(betas) => set({ betas })} />
						<div className="field">
							<label htmlFor="explain-key">Key</label>
							<select id="explain-key" value={question.key} onChange={(event) => set({ key: event.target.value })}>
								<option value="">master key, or none</option>
								{keys.map((key) => (
									<option key={key.token} value={key.token}>
										{key.key_alias ?? key.key_name}
									</option>
								))}
							</select>
							<small className="hint">
								Sessions belong to the key that sends them; other betas have another cache.
							</small>
						</div>
					</details>
					<div className="dialog-actions">
						<button
							type="submit"
							className="button primary"
							disabled={explain.isPending || question.body.trim() === ""}
						>
							{explain.isPending ? "Deciding…" : "Explain"}
						</button>
					</div>
				</form>
				<section className="card" aria-live="polite" aria-label="Decision">
					{explain.isError ? (
						<Failed error={explain.error} />
					) : explain.data === undefined ? (
						<p className="muted">The decision appears here: every candidate with what it would read and cost.</p>
					) : (
						<Answer decision={explain.data} />
					)}
				</section>
			</div>
		</div>
	);
}

/** The latest requests; only some of them may have their body stored. */
function PickRequest(about: {
	readonly picked: string | undefined;
	readonly pick: (request: string | undefined) => void;
}) {
	const { picked, pick } = about;
	const query = useInfiniteQuery(requestsQuery({}, false));
	const latest = query.data?.pages[0]?.requests.filter(({ operation }) => operation === "messages") ?? [];
	const choices = latest.map((row) => {
		const cacheOutcome = cacheOutcomeOf(row);
		const size = cacheOutcome === null ? row.outcome : `${tokens(promptTokens(cacheOutcome))} tokens`;
		return {
			value: row.id,
			label: `${clock(row.started_at)} · ${row.model ?? "no model"} · ${size} · ${row.model_id ?? "–"}`,
		};
	});
	if (picked !== undefined && !latest.some(({ id }) => id === picked))
		choices.unshift({ value: picked, label: `request ${shortId(picked)}` });
	return (
		<label className="field">
			<span>Pick a request, or paste one below</span>
			<select
				value={picked ?? ""}
				onChange={(event) => pick(event.target.value === "" ? undefined : event.target.value)}
			>
				<option value="">none picked</option>
				{choices.map(({ value, label }) => (
					<option key={value} value={value}>
						{label}
					</option>
				))}
			</select>
		</label>
	);
}

function Text({
	label,
	value,
	onChange,
}: {
	readonly label: string;
	readonly value: string;
	readonly onChange: (value: string) => void;
}) {
	return (
		<label className="field">
			<span>{label}</span>
			<input value={value} onChange={(event) => onChange(event.target.value)} autoComplete="off" spellCheck={false} />
		</label>
	);
}

function Answer({ decision }: { readonly decision: Explained }) {
	const { chosen, hold } = decision;
	const dearest = Math.max(...decision.candidates.map(({ expected_dollars: cost }) => cost ?? 0));
	const spared = chosen?.expected_dollars == null ? null : dearest - chosen.expected_dollars;
	return (
		<>
			<h2>
				{chosen === null ? (
					"Nothing can serve it now"
				) : (
					<>
						It would go to <DeploymentName id={chosen.model_id} />
					</>
				)}
			</h2>
			<p>
				<Badge tone="accent">{decision.affinity}</Badge> {AFFINITY[decision.affinity]}
			</p>
			{hold !== null && (
				<p className="notice warn">
					It would be held back first, until {relative(Date.parse(hold.until))}:{" "}
					{hold.reason === "leader"
						? "another request is writing the same prefix"
						: "its warm home has no room, but soon will"}{" "}
					(<DeploymentName id={hold.model_id} />
					).
				</p>
			)}
			<Facts
				rows={[
					["Prompt, estimated", tokens(decision.prompt_tokens), exactTokens(decision.prompt_tokens)],
					["Breakpoints", count(decision.breakpoints)],
					["Model group", decision.model_group],
					["Spared at most", spared === null ? "–" : dollars(spared), exactDollars(spared)],
				]}
			/>
			<Decision
				chosen={chosen?.model_id ?? null}
				reason={decision.reason}
				candidates={decision.candidates}
				excluded={decision.excluded.map(({ model_id, why, until, reason }) => ({
					model_id,
					why,
					...(reason === undefined ? {} : { reason }),
					until: until === null ? null : Date.parse(until),
				}))}
				diverted={decision.diverted_from}
			/>
		</>
	);
}

function askWith({ body, session, agent, betas, key }: Question): Promise<Explained> {
	const headers = { "x-claude-code-session-id": session, "x-claude-code-agent-id": agent, "anthropic-beta": betas };
	return post("/api/explain", { body: { body, headers, key } });
}

function questionOf({ request, bodies, betas }: RequestDetail): Question {
	return {
		body: bodies?.request ?? "",
		session: request.session_id ?? "",
		agent: request.agent_id ?? "",
		betas: betas ?? "",
		key: request.key_id ?? "",
	};
}

function exampleOf(model: string): string {
	const body = {
		model,
		max_tokens: 1024,
		system: [{ type: "text", text: "You review code. ".repeat(400), cache_control: { type: "ephemeral" } }],
		messages: [
			{
				role: "user",
				content: [{ type: "text", text: "What does main.ts do?", cache_control: { type: "ephemeral" } }],
			},
		],
	};
	return JSON.stringify(body, null, 2);
}
