// The overview's series: few enough steps for a chart whatever the time, and none of the sums lost.
import { expect, test } from "vitest";
import { onEachDatabase } from "../../../test/databases.ts";
import { deploymentsConfig, memoryLog } from "../../../test/harness.ts";
import { entryAt, NOON } from "../../requestlog/__fixtures__/rows.ts";
import type { LogService } from "../../requestlog/service.ts";
import { createLogWriter } from "../../requestlog/writer.ts";
import { createRouter } from "../../routing/router.ts";
import { overviewOf } from "./overview.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const router = createRouter(deploymentsConfig([{ id: "a", apiBase: "http://127.0.0.1:9" }]));
const service: Pick<LogService, "stats"> = { stats: () => ({ queued: 0, written: 0, lost: 0, failure: null }) };

onEachDatabase((databases) => {
	test("is told in minutes, hours or more, at most 73 of them, which begin at multiples of their length", async () => {
		await using database = await databases.open();
		const writer = createLogWriter(database, { maxQueued: 1e5, maxQueuedBytes: 1e9, log: memoryLog().log });
		const ages = [
			...Array.from({ length: 90 }, (_, at) => 1 + at * 4 * MINUTE),
			...Array.from({ length: 200 }, (_, at) => 1 + at * 3 * HOUR),
		];
		for (const [at, age] of ages.entries()) {
			writer.push(entryAt(-age, { id: `r-${at}`, model_id: at % 2 === 0 ? "a" : "b" }));
		}
		await writer.flush();
		for (const [length, step] of [
			[15 * MINUTE, MINUTE],
			[HOUR, MINUTE],
			[6 * HOUR, 5 * MINUTE],
			[DAY, HOUR],
			[7 * DAY, 3 * HOUR],
			[30 * DAY, 12 * HOUR],
		] as const) {
			const from = NOON - length;
			const source = { database, service: service as LogService };
			const overview = await overviewOf(source, { from, to: NOON }, { router, now: NOON, routerNow: NOON });
			expect(overview.step_ms).toBe(step);
			const steps = overview.series.map(({ at }) => at);
			expect(steps.filter((at) => at % step !== 0)).toEqual([]);
			expect(new Set(steps).size).toBeLessThanOrEqual(73);
			expect(new Set(overview.series.map((each) => `${each.at} ${each.model_id}`)).size).toBe(steps.length);
			const unit = Math.min(step, HOUR) === HOUR ? HOUR : MINUTE;
			const counted = ages.filter((age) => NOON - age >= Math.floor(from / unit) * unit).length;
			expect(overview.totals.requests).toBe(counted);
		}
	});
});
