package scenarios

import (
	"reflect"
	"strings"
	"testing"
)

func TestDecodeExtensions(t *testing.T) {
	roles, problems := DecodeExtensions("compose.yaml", []byte(`
x-role: &role {port: 8080, ready: /readyz}
services:
  api:
    image: api
    ports: !override ["8080"]
    x-shakedown:
      <<: *role
      balance: request
  db: {image: postgres, x-shakedown: {process: {omit: true}}}
  cache: {image: redis}
---
services:
  api:
    x-shakedown: {replicas: 3}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	three := 3
	want := map[string]Service{
		"api": {Port: 8080, Ready: &Probe{Path: "/readyz"}, Balance: "request", Replicas: &three},
		"db":  {Process: &Process{Omit: true}},
	}
	if !reflect.DeepEqual(roles, want) {
		t.Errorf("got %+v", roles)
	}
}

func TestDecodeExtensionsPointsIntoTheComposeFile(t *testing.T) {
	_, problems := DecodeExtensions("compose.yaml", []byte(`services:
  api:
    imaje: nobody else's business
    imaje: twice
    x-shakedown:
      prot: 8080
      ready: {perod: 1s}
  web:
    x-shakedown: {port: "${PORT}", balance: both}
`))
	want := []string{
		`compose.yaml:6:7: services.api.x-shakedown: unknown field "prot"`,
		`compose.yaml:7:15: services.api.x-shakedown.ready: unknown field "perod"`,
		`compose.yaml:9:25: services.web.x-shakedown.port: "${PORT}" is not a whole number`,
		`compose.yaml:9:45: services.web.x-shakedown.balance: "both" is not one of request and connection`,
	}
	if len(problems) != len(want) {
		t.Fatalf("got %v", problems)
	}
	for i, p := range problems {
		if first, _, _ := strings.Cut(p.String(), "\n"); first != want[i] {
			t.Errorf("got  %s\nwant %s", first, want[i])
		}
	}
}

func TestDecodeExtensionsOfBrokenFiles(t *testing.T) {
	for _, text := range []string{"", "services: [", "\xff", "services: 5", "services: {api: }", "[]"} {
		roles, problems := DecodeExtensions("compose.yaml", []byte(text))
		if len(roles) > 0 {
			t.Errorf("%q: got %v, %v", text, roles, problems)
		}
	}
}
