"""Configuration: frozen dataclasses of options, the only place where a default stands.

Each class is a section. The commands turn every field into a flag of the same name, help text
and default; a field whose flag is called otherwise says so in its metadata. The options of a
method stand in its file under `methods/`.
"""

from mosaickd_tf.config import declared
from mosaickd_tf.config.commands import (
    SYNTHESIS_FORMATS,
    BenchmarkConfig,
    DemoConfig,
    EvaluationConfig,
    ExportSourceConfig,
    InspectionConfig,
    LedgerConfig,
    ReportConfig,
    SynthesisConfig,
    TerminalConfig,
    WorkdirConfig,
)
from mosaickd_tf.config.compression import COMPRESSED, CompressionConfig
from mosaickd_tf.config.data import AUGMENTATIONS, TEACHER_INPUTS, DataConfig, TeacherConfig
from mosaickd_tf.config.distillation import (
    EXPORTS,
    ON_DIVERGENCE,
    PRECISIONS,
    DistillConfig,
    ExportConfig,
    NetworksConfig,
    OptimizationConfig,
    RunConfig,
    TeacherTrainingConfig,
    as_baseline,
    from_options,
    from_sections,
    section_types,
    with_options,
)
from mosaickd_tf.config.methods import METHODS, MethodConfig
from mosaickd_tf.config.options import (
    ConfigSection,
    assignment,
    flag_name,
    option,
    options,
    section_from_options,
    sections,
)
from mosaickd_tf.utils.deprecation import attribute_getter

__all__ = [
    "AUGMENTATIONS",
    "BenchmarkConfig",
    "COMPRESSED",
    "CompressionConfig",
    "ConfigSection",
    "DataConfig",
    "DemoConfig",
    "DistillConfig",
    "EXPORTS",
    "EvaluationConfig",
    "ExportConfig",
    "ExportSourceConfig",
    "InspectionConfig",
    "LedgerConfig",
    "METHODS",
    "MethodConfig",
    "NetworksConfig",
    "ON_DIVERGENCE",
    "OptimizationConfig",
    "PRECISIONS",
    "ReportConfig",
    "RunConfig",
    "SYNTHESIS_FORMATS",
    "SynthesisConfig",
    "TEACHER_INPUTS",
    "TeacherConfig",
    "TeacherTrainingConfig",
    "TerminalConfig",
    "WorkdirConfig",
    "as_baseline",
    "assignment",
    "declared",
    "flag_name",
    "from_options",
    "from_sections",
    "option",
    "options",
    "section_from_options",
    "section_types",
    "sections",
    "with_options",
]

__getattr__ = attribute_getter(__name__)
