import assert from "node:assert/strict";
import { test } from "node:test";
import { formatListing } from "../../cli/listing-table.ts";

test("a listing is one aligned table a region, with state and tags", () => {
  const thing = (kind: string, id: string, state: string, tags: Record<string, string>) => ({
    ...{ kind, id, state, tags },
    details: kind === "image" ? { name: "golden" } : {},
  });
  const text = formatListing({
    regions: [
      {
        ...{ account: "100000000001", profile: "aws-1", partition: "aws", region: "us-east-1" },
        things: [
          thing("image", "ami-0123456789abcdef0", "available", { Name: "a b", "amicopy:run": "1" }),
          thing("snapshot", "snap-1", "completed", {}),
        ],
      },
      {
        ...{ account: "100000000002", profile: "aws-2", partition: "aws", region: "us-east-1" },
        things: [],
      },
      {
        ...{ account: "300000000001", profile: "aws-cn-1", partition: "aws-cn" },
        region: "cn-north-1",
        things: [thing("volume", "vol-1", "in-use", { bad: "\u001b[2J\n" })],
      },
    ],
  });
  assert.equal(
    text,
    [
      "us-east-1  account 100000000001 (aws-1)",
      "  KIND      ID                     STATE      DETAILS      TAGS",
      "  image     ami-0123456789abcdef0  available  name=golden  Name=a b amicopy:run=1",
      "  snapshot  snap-1                 completed",
      "",
      "cn-north-1  account 300000000001 (aws-cn-1)",
      "  KIND      ID                     STATE      DETAILS      TAGS",
      "  volume    vol-1                  in-use                  bad=?[2J?",
      "",
    ].join("\n"),
  );
});

test("an empty cloud says so", () => {
  assert.equal(formatListing({ regions: [] }), "nothing has been made in this localcloud\n");
});
