// Every question the UI asks the control plane. Leaves the transport to api/client.ts.
import { infiniteQueryOptions, keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Me } from "../../../src/admin/contract/session.ts";
import { RANGES, type Range } from "../search.ts";
import { ApiError, get } from "./client.ts";

export const LIVE_MS = 2_000;
const SLOW_MS = 15_000;

/** null = nobody is logged in. */
export const meQuery = queryOptions({
	queryKey: ["me"],
	queryFn: async ({ signal }): Promise<Me | null> => {
		try {
			return await get("/api/me", { signal });
		} catch (error) {
			if (error instanceof ApiError && error.status === 401) return null;
			throw error;
		}
	},
	staleTime: 60_000,
});

export const deploymentsQuery = queryOptions({
	queryKey: ["deployments"],
	queryFn: ({ signal }) => get("/api/deployments", { signal }),
	refetchInterval: 5_000,
});

/** Ids in the configuration's order; empty while unknown, or not to be seen. */
export function useDeploymentIds(): readonly string[] {
	const { data } = useQuery({ ...deploymentsQuery, refetchInterval: false, staleTime: 30_000 });
	return useMemo(() => data?.deployments.map(({ model_id }) => model_id) ?? [], [data]);
}

export const connectQuery = queryOptions({
	queryKey: ["connect"],
	queryFn: ({ signal }) => get("/api/connect", { signal }),
	staleTime: 30_000,
});

export function overviewQuery(range: Range) {
	return queryOptions({
		queryKey: ["overview", range],
		queryFn: ({ signal }) => {
			const to = Date.now();
			return get("/api/overview", { query: { from: to - RANGES[range], to }, signal });
		},
		refetchInterval: range === "15m" || range === "1h" ? LIVE_MS * 2 : SLOW_MS,
		placeholderData: keepPreviousData,
	});
}

/** Filters of the log as the API names them. */
export interface LogFilter {
	readonly model?: string | undefined;
	readonly model_id?: string | undefined;
	readonly key?: string | undefined;
	readonly team?: string | undefined;
	readonly session?: string | undefined;
	readonly status?: string | undefined;
	readonly reason?: string | undefined;
	readonly miss?: string | undefined;
	readonly q?: string | undefined;
	readonly range?: Range | undefined;
}

export function requestsQuery({ range, ...filter }: LogFilter, live: boolean) {
	return infiniteQueryOptions({
		queryKey: ["requests", filter, range ?? null],
		queryFn: ({ pageParam, signal }) => {
			const from = range === undefined ? undefined : Date.now() - RANGES[range];
			return get("/api/requests", { query: { ...filter, from, limit: 50, cursor: pageParam }, signal });
		},
		initialPageParam: undefined as string | undefined,
		getNextPageParam: (page) => page.next ?? undefined,
		refetchInterval: (query) => (live && (query.state.data?.pages.length ?? 0) <= 1 ? LIVE_MS : false),
		placeholderData: keepPreviousData,
	});
}

export function requestQuery(id: string) {
	return queryOptions({
		queryKey: ["request", id],
		queryFn: ({ signal }) => get("/api/requests/{id}", { params: { id }, signal }),
		// The next turn of its conversation may still come.
		staleTime: 10_000,
		placeholderData: keepPreviousData,
	});
}

export function sessionsQuery(filter: {
	readonly q?: string | undefined;
	readonly key?: string | undefined;
	readonly range: Range;
}) {
	const { range, ...rest } = filter;
	return infiniteQueryOptions({
		queryKey: ["sessions", rest, range],
		queryFn: ({ pageParam, signal }) => {
			const from = Date.now() - RANGES[range];
			return get("/api/sessions", { query: { ...rest, from, limit: 50, cursor: pageParam }, signal });
		},
		initialPageParam: undefined as string | undefined,
		getNextPageParam: (page) => page.next ?? undefined,
		refetchInterval: 5_000,
		placeholderData: keepPreviousData,
	});
}

/** The latest turns of a conversation, oldest first; earlier ones by its pages. */
export function sessionQuery(session: string, key: string | undefined) {
	return infiniteQueryOptions({
		queryKey: ["session", session, key ?? null],
		queryFn: ({ pageParam, signal }) =>
			get("/api/sessions/{id}", { params: { id: session }, query: { key, limit: 200, cursor: pageParam }, signal }),
		initialPageParam: undefined as string | undefined,
		getNextPageParam: (page) => page.next ?? undefined,
		refetchInterval: 5_000,
	});
}

async function listKeys(cursor: string | undefined, signal: AbortSignal) {
	const page = await get("/key/list", { query: { limit: 100, cursor }, signal });
	return { ...page, keys: page.keys.filter((key) => typeof key === "object") };
}

export const keysQuery = infiniteQueryOptions({
	queryKey: ["keys"],
	queryFn: ({ pageParam, signal }) => listKeys(pageParam, signal),
	initialPageParam: undefined as string | undefined,
	getNextPageParam: (page) => page.next_cursor ?? undefined,
	refetchInterval: SLOW_MS,
});

export const teamsQuery = queryOptions({
	queryKey: ["teams"],
	queryFn: async ({ signal }) => (await get("/team/list", { signal })).teams,
	refetchInterval: SLOW_MS,
});

export function testQuery(id: string) {
	return queryOptions({
		queryKey: ["test", id],
		queryFn: ({ signal }) => get("/api/deployments/{id}/test", { params: { id }, signal }),
	});
}
