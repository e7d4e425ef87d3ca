// The types of the API: `node generate.mjs openapi.json schema.ts`.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const BLOB = ts.factory.createTypeReferenceNode("Blob");
const [from, to] = process.argv.slice(2);
const types = await openapiTS(JSON.parse(await readFile(from, "utf8")), {
  // A field with a default need not be sent.
  defaultNonNullable: false,
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
  // By itself it takes a file for a string.
  transform: (schema) => (schema.format === "binary" ? BLOB : undefined),
});
await writeFile(to, astToString(types));
