/*
 * An OPC-UA server on the open62541 stack, for tests: SignAndEncrypt with user and password only, self-signed certificate of its own.
 *
 *   server PORT CERTIFICATE.der KEY.der DAYS USER PASSWORD CLIENT.der...
 *
 * Certificate and key are made when they are not there; only the clients named are trusted. Lines on standard input, words split by tabs:
 *   namespace URI                            adds a namespace
 *   folder    NS ID PARENT NAME              an object below the one with that string id; PARENT - is the Objects folder
 *   variable  NS ID PARENT NAME TYPE VALUE UNIT   TYPE double, float, int32, uint32, uint64, string; UNIT - for none; ID as s=TEXT or i=NUMBER
 *   link      NS ID TARGET                   an Organizes reference to a node of the same namespace
 *   set       NS ID TYPE VALUE STATUS MS     STATUS as hex; MS the source timestamp as Unix time, 0 is now, -1 leaves it out
 *   start                                    serves from here on; answers "listening"
 * It ends when standard input does.
 */
#include <fcntl.h>
#include <open62541/plugin/accesscontrol_default.h>
#include <open62541/plugin/log_stdout.h>
#include <open62541/server.h>
#include <open62541/server_config_default.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certificate.h"

#define WORDS 8

static UA_NodeId nodeId(const char *ns, const char *id) {
  UA_UInt16 index = (UA_UInt16)atoi(ns);
  if (strncmp(id, "i=", 2) == 0) return UA_NODEID_NUMERIC(index, (UA_UInt32)strtoul(id + 2, NULL, 10));
  return UA_NODEID_STRING(index, (char *)(uintptr_t)(strncmp(id, "s=", 2) == 0 ? id + 2 : id));
}

/** The value lives in `room` or, for texts, in the line itself. */
static UA_Variant variant(const char *type, const char *text, void *room) {
  UA_Variant value;
  UA_Variant_init(&value);
  const UA_DataType *dataType = NULL;
  if (strcmp(type, "double") == 0) {
    *(UA_Double *)room = strtod(text, NULL);
    dataType = &UA_TYPES[UA_TYPES_DOUBLE];
  } else if (strcmp(type, "float") == 0) {
    *(UA_Float *)room = strtof(text, NULL);
    dataType = &UA_TYPES[UA_TYPES_FLOAT];
  } else if (strcmp(type, "int32") == 0) {
    *(UA_Int32 *)room = (UA_Int32)strtol(text, NULL, 10);
    dataType = &UA_TYPES[UA_TYPES_INT32];
  } else if (strcmp(type, "uint32") == 0) {
    *(UA_UInt32 *)room = (UA_UInt32)strtoul(text, NULL, 10);
    dataType = &UA_TYPES[UA_TYPES_UINT32];
  } else if (strcmp(type, "uint64") == 0) {
    *(UA_UInt64 *)room = strtoull(text, NULL, 10);
    dataType = &UA_TYPES[UA_TYPES_UINT64];
  } else {
    *(UA_String *)room = UA_STRING((char *)(uintptr_t)text);
    dataType = &UA_TYPES[UA_TYPES_STRING];
  }
  UA_Variant_setScalar(&value, room, dataType);
  return value;
}

static void addUnit(UA_Server *server, UA_NodeId parent, char *unit) {
  UA_EUInformation information;
  UA_EUInformation_init(&information);
  information.namespaceUri = UA_STRING("http://www.opcfoundation.org/UA/units/un/cefact");
  information.unitId = -1;
  information.displayName = UA_LOCALIZEDTEXT("en", unit);
  UA_VariableAttributes attributes = UA_VariableAttributes_default;
  UA_Variant_setScalar(&attributes.value, &information, &UA_TYPES[UA_TYPES_EUINFORMATION]);
  attributes.dataType = UA_TYPES[UA_TYPES_EUINFORMATION].typeId;
  attributes.displayName = UA_LOCALIZEDTEXT("en", "EngineeringUnits");
  UA_StatusCode status = UA_Server_addVariableNode(server, UA_NODEID_NULL, parent, UA_NODEID_NUMERIC(0, UA_NS0ID_HASPROPERTY),
                                                   UA_QUALIFIEDNAME(0, "EngineeringUnits"),
                                                   UA_NODEID_NUMERIC(0, UA_NS0ID_PROPERTYTYPE), attributes, NULL, NULL);
  if (status != UA_STATUSCODE_GOOD) die("unit", status);
}

static void obey(UA_Server *server, char *line) {
  char *words[WORDS] = {0};
  int count = 0;
  for (char *word = strtok(line, "\t"); word && count < WORDS; word = strtok(NULL, "\t")) words[count++] = word;
  if (count == 0) return;
  UA_Byte room[16];
  UA_StatusCode status = UA_STATUSCODE_GOOD;
  UA_NodeId objects = UA_NODEID_NUMERIC(0, UA_NS0ID_OBJECTSFOLDER);
  if (strcmp(words[0], "namespace") == 0 && count == 2) {
    UA_Server_addNamespace(server, words[1]);
  } else if (strcmp(words[0], "folder") == 0 && count == 5) {
    UA_ObjectAttributes attributes = UA_ObjectAttributes_default;
    attributes.displayName = UA_LOCALIZEDTEXT("en", words[4]);
    status = UA_Server_addObjectNode(server, nodeId(words[1], words[2]),
                                     strcmp(words[3], "-") == 0 ? objects : nodeId(words[1], words[3]),
                                     UA_NODEID_NUMERIC(0, UA_NS0ID_ORGANIZES), UA_QUALIFIEDNAME((UA_UInt16)atoi(words[1]), words[4]),
                                     UA_NODEID_NUMERIC(0, UA_NS0ID_BASEOBJECTTYPE), attributes, NULL, NULL);
  } else if (strcmp(words[0], "variable") == 0 && count == 8) {
    UA_VariableAttributes attributes = UA_VariableAttributes_default;
    attributes.displayName = UA_LOCALIZEDTEXT("en", words[4]);
    attributes.value = variant(words[5], words[6], room);
    attributes.dataType = attributes.value.type->typeId;
    attributes.accessLevel = UA_ACCESSLEVELMASK_READ | UA_ACCESSLEVELMASK_WRITE;
    UA_NodeId id = nodeId(words[1], words[2]);
    status = UA_Server_addVariableNode(server, id, strcmp(words[3], "-") == 0 ? objects : nodeId(words[1], words[3]),
                                       UA_NODEID_NUMERIC(0, UA_NS0ID_HASCOMPONENT),
                                       UA_QUALIFIEDNAME((UA_UInt16)atoi(words[1]), words[4]),
                                       UA_NODEID_NUMERIC(0, UA_NS0ID_BASEDATAVARIABLETYPE), attributes, NULL, NULL);
    if (status == UA_STATUSCODE_GOOD && strcmp(words[7], "-") != 0) addUnit(server, id, words[7]);
  } else if (strcmp(words[0], "link") == 0 && count == 4) {
    UA_NodeId target = nodeId(words[1], words[3]);
    UA_ExpandedNodeId expanded = {target, UA_STRING_NULL, 0};
    status = UA_Server_addReference(server, nodeId(words[1], words[2]), UA_NODEID_NUMERIC(0, UA_NS0ID_ORGANIZES), expanded, true);
  } else if (strcmp(words[0], "set") == 0 && count == 7) {
    UA_DataValue data;
    UA_DataValue_init(&data);
    data.value = variant(words[3], words[4], room);
    data.hasValue = true;
    data.status = (UA_StatusCode)strtoul(words[5], NULL, 16);
    data.hasStatus = true;
    long long ms = strtoll(words[6], NULL, 10);
    data.sourceTimestamp = ms == 0 ? UA_DateTime_now() : UA_DATETIME_UNIX_EPOCH + ms * UA_DATETIME_MSEC;
    data.hasSourceTimestamp = ms >= 0;
    status = UA_Server_writeDataValue(server, nodeId(words[1], words[2]), data);
    printf("set\n");
  } else {
    fprintf(stderr, "not understood: %s\n", words[0]);
    exit(2);
  }
  if (status != UA_STATUSCODE_GOOD) die(words[0], status);
}

int main(int count, char **words) {
  if (count < 7) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *certificatePath = words[2], *keyPath = words[3];
  if (access(certificatePath, R_OK) != 0) makeCertificate(certificatePath, keyPath, atoi(words[4]));
  UA_ByteString certificate = load(certificatePath), key = load(keyPath), trusted[16];
  size_t clients = 0;
  for (int at = 7; at < count && clients < 16; at += 1) trusted[clients++] = load(words[at]);

  UA_ServerConfig config;
  memset(&config, 0, sizeof(config));
  config.logging = UA_Log_Stdout_new(UA_LOGLEVEL_WARNING);
  UA_StatusCode status = UA_ServerConfig_setDefaultWithSecurityPolicies(
      &config, (UA_UInt16)atoi(words[1]), &certificate, &key, trusted, clients, NULL, 0, NULL, 0);
  if (status != UA_STATUSCODE_GOOD) die("configuration", status);
  // Without encryption a client may ask for the endpoints and nothing else.
  config.securityPolicyNoneDiscoveryOnly = true;
  UA_String_clear(&config.applicationDescription.applicationUri);
  config.applicationDescription.applicationUri = UA_STRING_ALLOC(APPLICATION_URI);
  for (size_t at = 0; at < config.endpointsSize; at += 1) {
    UA_String *uri = &config.endpoints[at].server.applicationUri;
    UA_String_clear(uri);
    *uri = UA_STRING_ALLOC(APPLICATION_URI);
  }
  UA_UsernamePasswordLogin login = {UA_STRING(words[5]), UA_STRING(words[6])};
  config.accessControl.clear(&config.accessControl);
  status = UA_AccessControl_default(&config, false, NULL, 1, &login);
  if (status != UA_STATUSCODE_GOOD) die("access control", status);
  UA_Server *server = UA_Server_newWithConfig(&config);

  char buffer[65536];
  size_t held = 0;
  bool running = false;
  fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
  for (;;) {
    ssize_t got = read(0, buffer + held, sizeof(buffer) - held - 1);
    if (got == 0) break;
    if (got > 0) held += (size_t)got;
    buffer[held] = 0;
    for (char *end = strchr(buffer, '\n'); end; end = strchr(buffer, '\n')) {
      *end = 0;
      if (strcmp(buffer, "start") == 0) {
        // Few, so that clients have to come back for the rest.
        UA_Server_getConfig(server)->maxReferencesPerNode = 10;
        status = UA_Server_run_startup(server);
        if (status != UA_STATUSCODE_GOOD) die("start", status);
        running = true;
        printf("listening\n");
      } else {
        obey(server, buffer);
      }
      held -= (size_t)(end + 1 - buffer);
      memmove(buffer, end + 1, held + 1);
    }
    if (running) UA_Server_run_iterate(server, false);
    usleep(2000);
  }
  if (running) UA_Server_run_shutdown(server);
  UA_Server_delete(server);
  return 0;
}
