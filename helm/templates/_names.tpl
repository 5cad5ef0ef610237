{{- define "heartbeat.name" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "heartbeat.selector" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "heartbeat.labels" -}}
{{ include "heartbeat.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "heartbeat.secret" -}}
{{- .Values.existingSecret | default (include "heartbeat.name" .) -}}
{{- end -}}

{{- define "heartbeat.account" -}}
{{- .Values.serviceAccount.name | default (include "heartbeat.name" .) -}}
{{- end -}}

{{- define "heartbeat.image" -}}
{{- $tagged := printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- with .Values.image.digest }}{{ printf "%s@%s" $tagged . }}{{ else }}{{ $tagged }}{{ end }}
{{- end -}}

{{- define "heartbeat.host" -}}
{{- (urlParse (required "publicUrl: write the address that people use, such as https://heartbeat.example.com" .Values.publicUrl)).hostname -}}
{{- end -}}

{{- /* The path below which the service lives. */ -}}
{{- define "heartbeat.path" -}}
{{- (urlParse .Values.publicUrl).path | trimSuffix "/" | default "/" -}}
{{- end -}}

{{- /* What cannot work is refused before anything is made. */ -}}
{{- define "heartbeat.sane" -}}
{{- if and (eq .Values.database "sqlite") (gt (int .Values.replicas) 1) -}}
{{- fail "replicas: SQLite allows one writing process; set replicas to 1, or database to postgresql" -}}
{{- end -}}
{{- if and (eq .Values.database "sqlite") .Values.split.enabled -}}
{{- fail "split: SQLite allows one writing process; set split.enabled to false, or database to postgresql" -}}
{{- end -}}
{{- if and (eq .Values.database "postgresql") (lt (int .Values.terminationGracePeriodSeconds) (int (add .Values.drainSeconds 3))) -}}
{{- fail "terminationGracePeriodSeconds: give at least 3 seconds more than drainSeconds" -}}
{{- end -}}
{{- if not .Values.existingSecret -}}
{{- $given := .Values.secret -}}
{{- if and (eq .Values.database "postgresql") (not (and $given.adminKey $given.secretKey $given.databaseUrl)) -}}
{{- fail "existingSecret: PostgreSQL needs a Secret with the keys admin-key, secret-key and database-url; name it here, or give secret.adminKey, secret.secretKey and secret.databaseUrl" -}}
{{- end -}}
{{- if and $given.secretKey (lt (len $given.secretKey) 32) -}}
{{- fail "secret.secretKey: give at least 32 characters, or name an existingSecret" -}}
{{- end -}}
{{- if and $given.adminKey (lt (len $given.adminKey) 16) -}}
{{- fail "secret.adminKey: give at least 16 characters, or name an existingSecret" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* On SQLite, the service creates on its volume the keys that nobody gives. */ -}}
{{- define "heartbeat.environment" -}}
{{- if or .Values.existingSecret .Values.secret.adminKey }}
- name: HEARTBEAT_ADMIN_KEY
  valueFrom: {secretKeyRef: {name: {{ include "heartbeat.secret" . }}, key: admin-key}}
{{- end }}
{{- if or .Values.existingSecret .Values.secret.secretKey }}
- name: HEARTBEAT_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ include "heartbeat.secret" . }}, key: secret-key}}
{{- end }}
{{- if or .Values.existingSecret .Values.secret.pingKey }}
- name: HEARTBEAT_PING_KEY
  valueFrom: {secretKeyRef: {name: {{ include "heartbeat.secret" . }}, key: ping-key, optional: true}}
{{- end }}
{{- if eq .Values.database "postgresql" }}
- name: HEARTBEAT_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ include "heartbeat.secret" . }}, key: database-url}}
{{- end }}
{{- with .Values.publicUrl }}
- name: HEARTBEAT_PUBLIC_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "heartbeat.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.ids }}
{{- /* An id that is null is left to the cluster. */ -}}
{{- if not (kindIs "invalid" .user) }}
runAsUser: {{ int64 .user }}
{{- end }}
{{- if not (kindIs "invalid" .group) }}
runAsGroup: {{ int64 .group }}
{{- end }}
{{- if not (kindIs "invalid" .volume) }}
fsGroup: {{ int64 .volume }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "heartbeat.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* Where a pod may run, and whence its image comes. */ -}}
{{- define "heartbeat.placed" -}}
{{- $placed := dict -}}
{{- range list "imagePullSecrets" "priorityClassName" "nodeSelector" "tolerations" "affinity" -}}
{{- if get $.Values . -}}{{- $_ := set $placed . (get $.Values .) -}}{{- end -}}
{{- end -}}
{{- if $placed -}}{{- toYaml $placed -}}{{- end -}}
{{- end -}}
