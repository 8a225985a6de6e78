package stack

import "github.com/compose-spec/compose-go/v2/types"

// Compose is the project as compose's own loader gives it: merged and interpolated, its
// profiles applied. It must not be changed.
func (p *Project) Compose() *types.Project { return p.compose }
