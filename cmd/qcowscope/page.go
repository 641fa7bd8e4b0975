package main

import (
	"fmt"
	"time"

	"qcowscope/core/repair"
	"qcowscope/core/report"
)

// page is the outcome as an HTML report tells it.
func (r *outcome) page(path string) report.Page {
	return report.Page{Name: path, Program: "qcowscope " + version(), When: time.Now().Format("2006-01-02 15:04 -0700"), Image: r.image, Report: r.report,
		Fixed: report.Fixed{Corruptions: r.corruptionsFixed, Leaks: r.leaksFixed}, KeptLeaks: r.keptLeaks, Plan: r.plan}
}

// planPart is a repair as an HTML report tells it.
func planPart(out *repair.Outcome) *report.PlanPart {
	part := &report.PlanPart{Plan: out.Plan, Applied: true}
	for _, s := range out.Steps {
		part.Steps = append(part.Steps, fmt.Sprintf("%s: %d", s.What, s.Count))
	}
	return part
}
