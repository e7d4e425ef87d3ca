// What an application does, by the types alone: node smoke.js URL FILE. The last line says that all of it went well.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { MediaOut, paths, Problem } from "./schema.js";

const [url = "", file = ""] = process.argv.slice(2);
// Without the second type, what answers with events might be a text.
const client = createClient<paths, "application/json">({ baseUrl: url });

/** The data of an answer. Throws what the server says otherwise. */
function ok<T>({ data, error }: { data?: T; error?: Problem }): T {
  if (error) throw new Error(`${error.code}: ${error.message}`);
  assert(data !== undefined);
  return data;
}

async function ready(media_id: string): Promise<MediaOut> {
  for (;;) {
    const { data } = ok(await client.GET("/v1/medias/{media_id}", { params: { path: { media_id } } }));
    if (data.error) throw new Error(`${data.error.code}: ${data.error.message}`);
    if (data.status === "Ready") return data;
    await sleep(100);
  }
}

// Make a media, and upload its file as the body.
const external_id = `film-${Date.now()}`;
const { data: made } = ok(
  await client.POST("/v1/medias", {
    params: { header: { "Idempotency-Key": external_id } },
    body: { title: "Film", external_id, metadata: { season: 1 }, tags: ["short"], encoding: { max_height: 240 } },
  }),
);
const path = { media_id: made.id };
const film = new Blob([await readFile(file)]);
const { data: accepted } = ok(
  await client.PUT("/v1/medias/{media_id}/source", {
    params: { path, query: { file_name: "film.mp4" } },
    headers: { "Content-Type": "application/octet-stream" },
    body: film,
    bodySerializer: (body) => body,
  }),
);
assert.equal(accepted.source_bytes, film.size);
const media = await ready(made.id);
assert(media.playable && media.stream_url && media.probe?.video && media.renditions[0]);
assert.match(await (await fetch(media.stream_url)).text(), /^#EXTM3U/);

// A form: captions.
const { data: track } = ok(
  await client.POST("/v1/medias/{media_id}/tracks", {
    params: { path },
    body: { file: new Blob(["1\n00:00:00,000 --> 00:00:01,000\nHello\n"]), language: "de", role: "caption" },
    bodySerializer: (body) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(body)) form.append(name, value instanceof Blob ? value : `${value}`);
      return form;
    },
  }),
);
assert.deepEqual([track.kind, track.language, track.role], ["text", "de", "caption"]);

// Lists, with every kind of parameter.
const { data: found, metadata } = ok(
  await client.GET("/v1/medias", {
    params: {
      query: { status: ["Ready", "Errored"], metadata: { season: "1" }, external_id, total: true, include: ["tracks"] },
    },
  }),
);
assert.deepEqual([found.map((each) => each.id), metadata.total], [[made.id], 1]);
assert(found[0]?.tracks?.some((each) => each.name === track.name));
assert.equal(found[0]?.renditions, undefined);

// A merge patch: null removes.
const edit = { params: { path }, headers: { "Content-Type": "application/merge-patch+json" } };
const { data: edited } = ok(
  await client.PATCH("/v1/medias/{media_id}", { ...edit, body: { title: "Another", metadata: { season: null } } }),
);
assert.deepEqual([edited.title, edited.metadata, edited.tags], ["Another", {}, ["short"]]);

// An upload that a browser does, by a URL of its own.
const { data: upload } = ok(
  await client.POST("/v1/uploads", { body: { media: { title: "By a browser" }, length: film.size, ttl_s: 600 } }),
);
assert.equal(upload.status, "waiting");
const sent = await fetch(upload.url, { method: "PUT", body: film });
assert.equal(sent.status, 202);
const { data: arrived } = ok(
  await client.GET("/v1/uploads/{upload_id}", { params: { path: { upload_id: upload.id } } }),
);
assert(arrived.status === "asset_created" && arrived.media_id);

// Events, as a list and as a stream.
const { data: events } = ok(
  await client.GET("/v1/medias/{media_id}/events", { params: { path, query: { type: ["media.*"], limit: 1000 } } }),
);
const types = events.map((event) => event.type);
assert(types[0] === "media.created" && types.includes("media.ready"), types.join());
const stream = await client.GET("/v1/events", {
  params: { query: { after: 0 } },
  headers: { Accept: "text/event-stream" },
  parseAs: "stream",
});
assert(stream.data);
const reader = stream.data.getReader();
assert.match(new TextDecoder().decode((await reader.read()).value), /^(retry|id|data):/);
await reader.cancel();

// Errors have a type, and say what is wrong.
const missing = await client.GET("/v1/medias/{media_id}", {
  params: { path: { media_id: "00000000-0000-0000-0000-000000000000" } },
});
assert.deepEqual([missing.response.status, missing.error?.code, missing.data], [404, "not_found", undefined]);
const refused = await client.POST("/v1/medias", { body: { title: "" } });
assert.equal(refused.error?.type, "invalid_request");
assert(refused.error?.fields?.title);
// @ts-expect-error: without a title it does not compile
const untitled = await client.POST("/v1/medias", { body: { tags: ["short"] } });
assert.equal(untitled.error?.fields?.title, "is missing");

for (const media_id of [made.id, arrived.media_id]) {
  assert.equal((await client.DELETE("/v1/medias/{media_id}", { params: { path: { media_id } } })).response.status, 204);
}
console.log("All went well.");
