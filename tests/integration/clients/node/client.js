// Calls a source connector by grpc-js and prints what came as one JSON document.
// Usage: node client.js PACKAGES PROTO_FOLDER ADDRESS CALL [CONFIGURATION] [gzip]
// PACKAGES: the folder that holds node_modules; CALL: form, test, schema or update.
'use strict';
const { createRequire } = require('module');
const path = require('path');

const [packages, protos, address, call, configuration, compression] = process.argv.slice(2);
const load = createRequire(path.join(packages, 'package.json'));
const grpc = load('@grpc/grpc-js');
const loader = load('@grpc/proto-loader');

const definition = loader.loadSync('connector_sdk.proto', {
  includeDirs: [protos], keepCase: true, longs: String, enums: String, oneofs: true, defaults: true,
});
const { SourceConnector } = grpc.loadPackageDefinition(definition).fivetran_sdk.v2;
const client = new SourceConnector(address, grpc.credentials.createInsecure(), {
  'grpc.max_receive_message_length': 134217728,
  'grpc.default_compression_algorithm': compression === 'gzip' ? 2 : 0,
});
const settings = configuration ? JSON.parse(configuration) : {};

function finish(document) {
  process.stdout.write(JSON.stringify(document));
  client.close();
}

function unary(method, request) {
  client[method](request, (error, answer) => finish(
    error ? { code: grpc.status[error.code], details: error.details } : { code: 'OK', answer }));
}

function update() {
  const counts = {};
  const kinds = {};
  let last = null;
  const take = (record) => {
    const kind = `${record.table_name} ${record.type}`;
    counts[kind] = (counts[kind] || 0) + 1;
    for (const value of Object.values(record.data)) kinds[value.inner] = true;
  };
  const stream = client.Update({ configuration: settings, state_json: '{}' });
  stream.on('data', (message) => {
    last = message.operation;
    if (last === 'records') message.records.records.forEach(take);
    if (last === 'record') take(message.record);
  });
  stream.on('error', (error) => finish({ code: grpc.status[error.code], details: error.details }));
  stream.on('status', (status) => {
    if (status.code === grpc.status.OK) {
      finish({ code: 'OK', counts, kinds: Object.keys(kinds).sort(), last });
    }
  });
}

if (call === 'form') unary('ConfigurationForm', {});
else if (call === 'test') unary('Test', { name: 'connect', configuration: settings });
else if (call === 'schema') unary('Schema', { configuration: settings });
else update();
