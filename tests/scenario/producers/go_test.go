// SPDX-License-Identifier: Apache-2.0
package producer

import "testing"

func TestPasses(t *testing.T) {}
func TestFails(t *testing.T)  { t.Error("1 != 2") }
func TestSkips(t *testing.T)  { t.Skip("later") }
func TestNested(t *testing.T) { t.Run("inner", func(t *testing.T) { t.Error("inner") }) }
func TestPanics(t *testing.T) { panic("oops") }
func TestNever(t *testing.T)  {}
