import { expect, test } from "vitest";
import { memoryLog } from "../../../test/harness.ts";
import { tellRemoved } from "./removed.ts";

test("what is taken off is told once for each value and deployment", () => {
	const { lines, log } = memoryLog();
	const [one, other] = [{}, {}];
	const removed = ["beta:x", "field:speed"];
	tellRemoved(one, { deployment: "a", removed: ["beta:x"] }, log);
	tellRemoved(one, { deployment: "a", removed }, log);
	tellRemoved(one, { deployment: "a", removed }, log);
	tellRemoved(other, { deployment: "b", removed: [] }, log);
	tellRemoved(other, { deployment: "b", removed: ["beta:x"] }, log);
	const told = lines.map((line) => JSON.parse(line)).map(({ deployment, removed: values }) => [deployment, values]);
	expect(told).toEqual([
		["a", ["beta:x"]],
		["a", ["field:speed"]],
		["b", ["beta:x"]],
	]);
});
