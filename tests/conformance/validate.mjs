// validate: exchanges against Microsoft's OpenAPI, by oav's LiveValidator.
//
//     node validate.mjs MODULES SPECIFICATION API-VERSION < exchanges
//
// MODULES is the folder with package.json's node_modules. Standard input has a line of JSON an
// exchange: {"request": {method, url, headers, body}, "response": {status, headers, body}}, bodies as
// text or as values; without "response" the request alone is looked at. URLs are read as of
// API-VERSION. Standard output gets a line an exchange: {"operation": "Snapshots_Get" or null when the
// specification has none, "violations": [["request" or "response", code, place, message], ...]}.
//
// The specification has no replies of 400 and above; what it has for them is CloudError, and their
// bodies are held against that.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const [modules, specification, version] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), 'package.json'));
const { LiveValidator } = require('oav');
const Ajv = require('ajv');

const folder = `Microsoft.Compute/DiskRP/stable/${version}`;
const missing = [];

// A file of which a $ref is missing is left out without a word but in the log.
function heed(message, level) {
  if (level === 'error' || /unable to (load|initialize)/i.test(message)) missing.push(message);
}

const validator = new LiveValidator({
  fileRoot: specification,
  directory: specification,
  swaggerPathsPattern: [`${folder}/*.json`],
  git: { shouldClone: false },
  isPathCaseSensitive: false,
  loadValidatorInBackground: false,
  loadValidatorInInitialize: true,
}, heed);

function cloudErrorSchema() {
  const file = path.join(specification, 'Microsoft.Compute/common-types/v1/common.json');
  const { definitions } = JSON.parse(readFileSync(file));
  // What it leaves open a client could not read: an error has a code and a message.
  definitions.CloudError.required = ['error'];
  definitions.ApiError.required = ['code', 'message'];
  return new Ajv({ unknownFormats: 'ignore' }).compile({
    definitions, $ref: '#/definitions/CloudError',
  });
}

// Names, indices and GUIDs say where, and not what: "/value/3/tags/x" is "/value/*/tags/*".
function place(text) {
  return text.replace(/\/\d+(?=\/|$)/g, '/*').replace(/\/tags\/.*$/, '/tags/*');
}

function issues(side, result) {
  if (result.runtimeException)
    return [[side, result.runtimeException.code, '', result.runtimeException.message]];
  return result.errors.map((e) => [side, e.code, place(e.pathsInPayload[0] ?? ''), e.message]);
}

// What is no JSON stays text, which no schema takes for an object.
function value(body) {
  if (typeof body !== 'string') return body ?? undefined;
  try {
    return body === '' ? undefined : JSON.parse(body);
  } catch {
    return body;
  }
}

async function judge(exchange, isCloudError) {
  const url = new URL(exchange.request.url, 'https://management.azure.com');
  url.searchParams.set('api-version', version);
  const request = {
    url: url.pathname + url.search,
    method: exchange.request.method,
    headers: exchange.request.headers ?? {},
    query: Object.fromEntries(url.searchParams),
    body: value(exchange.request.body),
  };
  const { info, error } = validator.getOperationInfo(request);
  if (error) return { operation: null, violations: [] };

  const operation = info.operationId;
  const violations = issues('request', await validator.validateLiveRequest(request));
  if (!exchange.response) return { operation, violations };

  const { status, headers, body } = exchange.response;
  const response = { statusCode: String(status), headers: headers ?? {}, body: value(body) };
  if (status < 400) {
    violations.push(...issues('response', await validator.validateLiveResponse(response, request)));
    return { operation, violations };
  }
  if (!isCloudError(response.body))
    violations.push(...isCloudError.errors.map(
      (e) => ['response', 'NO_CLOUD_ERROR', e.dataPath, e.message]));
  return { operation, violations };
}

await validator.initialize();
if (missing.length > 0) throw new Error(missing.join('\n'));
const isCloudError = cloudErrorSchema();
for (const line of readFileSync(0, 'utf8').split('\n').filter((text) => text !== ''))
  console.log(JSON.stringify(await judge(JSON.parse(line), isCloudError)));
