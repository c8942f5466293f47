/*
 * Reads nodes of an OPC-UA server with the open62541 stack, for tests: SignAndEncrypt with Basic256Sha256, user and password.
 *
 *   client ENDPOINT CERTIFICATE.der KEY.der USER PASSWORD NAMESPACE-URI NODE...     prints NODE<tab>STATUS<tab>VALUE
 *
 * NODE=NUMBER writes a Double instead. Certificate and key are made when they are not there; all servers are accepted.
 */
#include <open62541/client.h>
#include <open62541/client_config_default.h>
#include <open62541/client_highlevel.h>
#include <open62541/plugin/log_stdout.h>
#include <open62541/plugin/pki_default.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certificate.h"

int main(int count, char **words) {
  if (count < 8) return 2;
  if (access(words[2], R_OK) != 0) makeCertificate(words[2], words[3], 30);
  UA_ByteString certificate = load(words[2]), key = load(words[3]);
  UA_ClientConfig config;
  memset(&config, 0, sizeof(config));
  config.logging = UA_Log_Stdout_new(UA_LOGLEVEL_FATAL);
  UA_StatusCode status = UA_ClientConfig_setDefaultEncryption(&config, certificate, key, NULL, 0, NULL, 0);
  if (status != UA_STATUSCODE_GOOD) return 3;
  config.securityMode = UA_MESSAGESECURITYMODE_SIGNANDENCRYPT;
  config.securityPolicyUri = UA_STRING_ALLOC("http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256");
  UA_String_clear(&config.clientDescription.applicationUri);
  config.clientDescription.applicationUri = UA_STRING_ALLOC(APPLICATION_URI);
  UA_CertificateVerification_AcceptAll(&config.certificateVerification);
  UA_Client *client = UA_Client_newWithConfig(&config);
  status = UA_Client_connectUsername(client, words[1], words[4], words[5]);
  if (status != UA_STATUSCODE_GOOD) {
    printf("connect\t%s\n", UA_StatusCode_name(status));
    return 1;
  }
  UA_UInt16 index = 0;
  UA_String uri = UA_STRING(words[6]);
  status = UA_Client_NamespaceGetIndex(client, &uri, &index);
  if (status != UA_STATUSCODE_GOOD) return 4;
  for (int at = 7; at < count; at += 1) {
    char *to = strchr(words[at], '=');
    if (to) *to++ = 0;
    UA_NodeId id = UA_NODEID_STRING(index, words[at]);
    UA_Variant value;
    UA_Variant_init(&value);
    if (to) {
      UA_Double number = strtod(to, NULL);
      UA_Variant_setScalar(&value, &number, &UA_TYPES[UA_TYPES_DOUBLE]);
      printf("%s\t%s\t%s\n", words[at], UA_StatusCode_name(UA_Client_writeValueAttribute(client, id, &value)), to);
      continue;
    }
    status = UA_Client_readValueAttribute(client, id, &value);
    UA_String text = UA_STRING_NULL;
    if (value.type) UA_print(value.data, value.type, &text);
    printf("%s\t%s\t%.*s\n", words[at], UA_StatusCode_name(status), (int)text.length, (char *)text.data);
    UA_String_clear(&text);
    UA_Variant_clear(&value);
  }
  UA_Client_disconnect(client);
  UA_Client_delete(client);
  return 0;
}
