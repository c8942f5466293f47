/* Key and self-signed certificate of a test program, made by the stack itself where they are not there yet. */
#include <open62541/plugin/create_certificate.h>
#include <open62541/plugin/log_stdout.h>
#include <stdio.h>
#include <stdlib.h>

#define APPLICATION_URI "urn:open62541:tests"

static void die(const char *what, UA_StatusCode status) {
  fprintf(stderr, "%s: %s\n", what, UA_StatusCode_name(status));
  exit(1);
}

static UA_ByteString load(const char *path) {
  UA_ByteString bytes = UA_BYTESTRING_NULL;
  FILE *file = fopen(path, "rb");
  if (!file) return bytes;
  fseek(file, 0, SEEK_END);
  UA_ByteString_allocBuffer(&bytes, (size_t)ftell(file));
  rewind(file);
  if (fread(bytes.data, 1, bytes.length, file) != bytes.length) die(path, UA_STATUSCODE_BADINTERNALERROR);
  fclose(file);
  return bytes;
}

static void store(const char *path, UA_ByteString bytes) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes.data, 1, bytes.length, file) != bytes.length) die(path, UA_STATUSCODE_BADINTERNALERROR);
  fclose(file);
}

static void makeCertificate(const char *certificatePath, const char *keyPath, int days) {
  UA_String subject[2] = {UA_STRING_STATIC("O=Commonwatt tests"), UA_STRING_STATIC("CN=open62541")};
  UA_String names[3] = {UA_STRING_STATIC("DNS:localhost"), UA_STRING_STATIC("IP:127.0.0.1"),
                        UA_STRING_STATIC("URI:" APPLICATION_URI)};
  UA_UInt16 expires = (UA_UInt16)days, bits = 2048;
  UA_KeyValueMap *options = UA_KeyValueMap_new();
  UA_KeyValueMap_setScalar(options, UA_QUALIFIEDNAME(0, "expires-in-days"), &expires, &UA_TYPES[UA_TYPES_UINT16]);
  UA_KeyValueMap_setScalar(options, UA_QUALIFIEDNAME(0, "key-size-bits"), &bits, &UA_TYPES[UA_TYPES_UINT16]);
  UA_ByteString key = UA_BYTESTRING_NULL, certificate = UA_BYTESTRING_NULL;
  UA_StatusCode status = UA_CreateCertificate(UA_Log_Stdout, subject, 2, names, 3, UA_CERTIFICATEFORMAT_DER, options, &key,
                                              &certificate);
  if (status != UA_STATUSCODE_GOOD) die("certificate", status);
  store(certificatePath, certificate);
  store(keyPath, key);
  UA_KeyValueMap_delete(options);
}
