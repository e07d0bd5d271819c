"""Show what is wrong with stores.yml among the import errors of Airflow. There is no DAG in this file."""

from __future__ import annotations

from stores import PROBLEMS

if PROBLEMS:
    raise ValueError("\n".join(["These stores have no DAG; the others go on:", *PROBLEMS]))
