package store_test

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const postgresImage = "postgres:15"

// TestPostgreSQL runs the suite on the database that the containers use.
func TestPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("PostgreSQL not tested: -short")
	}
	// Without these, testcontainers looks for the engine's host in the wrong
	// place when the tests themselves run in a container, and starts a helper
	// from an image that only a registry has.
	t.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	if out, err := exec.Command("docker", "image", "inspect", postgresImage).CombinedOutput(); err != nil {
		t.Skipf("PostgreSQL not tested: no image %s (run compose/images/build): %v: %.200s", postgresImage, err, out)
	}
	suite(t, startPostgres(t))
}

// startPostgres starts the database as compose.yaml does and returns its URL.
func startPostgres(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	container, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image:        postgresImage,
			Env:          map[string]string{"POSTGRES_USER": "atelier", "POSTGRES_PASSWORD": "p@ss word", "POSTGRES_DB": "shop"},
			ExposedPorts: []string{"127.0.0.1::5432/tcp"},
			WaitingFor:   wait.ForExec([]string{"pg_isready", "--host=127.0.0.1", "--username=atelier", "--dbname=shop"}),
		},
		Started: true,
	})
	testcontainers.CleanupContainer(t, container, testcontainers.RemoveVolumes())
	if err != nil {
		t.Fatalf("start %s: %v", postgresImage, err)
	}
	port, err := container.MappedPort(ctx, "5432/tcp")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("postgres://atelier:p%%40ss%%20word@127.0.0.1:%s/shop?sslmode=disable", port.Port())
}
