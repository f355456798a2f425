// That cache/, which must not know prompt/, means the same by its numbers.
import { expect, test } from "vitest";
import { MESSAGES_LEVEL, OTHER_KIND } from "../cache/index.ts";
import { Kind, Level } from "../prompt/outline.ts";

test("the levels and kinds that cache/ assumes are those of an outline", () => {
	expect([MESSAGES_LEVEL, OTHER_KIND]).toEqual([Level.messages, Kind.other]);
});
