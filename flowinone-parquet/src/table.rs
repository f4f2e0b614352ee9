//! A Parquet file by its columns: texts of all rows, or the bytes of one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use parquet::basic::Type;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use crate::Error;
use crate::guard::guarded;

/// Rows that are read at once of a column of texts.
const PIECE: usize = 1024;
/// Longest text that is taken, in bytes.
const LONGEST_TEXT: usize = 1 << 20;

/// An opened file, of which only the footer has been read.
pub(crate) struct Table {
    path: PathBuf,
    reader: SerializedFileReader<File>,
}

/// A column of bytes: its number among the leaves, and the level at which a value is there.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    leaf: usize,
    present: i16,
}

impl Table {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(flowinone_files::Error::of("open", path))?;
        let mut head = vec![];
        let read = file.by_ref().take(512).read_to_end(&mut head);
        read.map_err(flowinone_files::Error::of("read", path))?;
        if !head.starts_with(b"PAR1") {
            let what = flowinone_files::recognised(&head);
            let what = what.unwrap_or("no Parquet file: such a file begins with PAR1");
            return Err(Error::table(path, format!("it is {what}")));
        }
        let reader = guarded(path, || SerializedFileReader::new(file))?;
        Ok(Self {
            path: path.to_path_buf(),
            reader,
        })
    }

    /// A column of text or bytes by its name, or that of a field in it (`input_image.bytes`).
    ///
    /// # Errors
    /// A column that holds something else.
    pub(crate) fn column(&self, name: &str) -> Result<Option<Column>, Error> {
        let found = self.leaves().enumerate();
        let mut found = found.filter(|(_, leaf)| leaf.path().string() == name);
        let Some((number, leaf)) = found.next() else {
            return Ok(None);
        };
        if leaf.physical_type() != Type::BYTE_ARRAY || leaf.max_rep_level() > 0 {
            let kind = match leaf.max_rep_level() {
                0 => format!("{} values", leaf.physical_type()),
                _ => "lists".into(),
            };
            let reason = format!("its column {name} holds {kind}, expected text or bytes");
            return Err(Error::table(&self.path, reason));
        }
        Ok(Some(Column {
            leaf: number,
            present: leaf.max_def_level(),
        }))
    }

    /// Names of all columns and fields, for messages.
    pub(crate) fn names(&self) -> String {
        let names = self.leaves().map(|leaf| leaf.path().string());
        names.collect::<Vec<_>>().join(", ")
    }

    fn leaves(&self) -> impl Iterator<Item = &ColumnDescriptor> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        schema.columns().iter().map(|leaf| &**leaf)
    }

    /// The texts of a column, one a row.
    ///
    /// # Errors
    /// Damage, or a text that is not UTF-8 or has more than 1 MiB.
    pub(crate) fn texts(&self, column: Column) -> Result<Vec<Option<String>>, Error> {
        let mut texts = vec![];
        for group in 0..self.reader.num_row_groups() {
            for value in self.values(column, group, 0, usize::MAX)? {
                let text = match value {
                    None => None,
                    Some(bytes) if bytes.len() > LONGEST_TEXT => {
                        let reason = format!(
                            "row {} has a text of {} bytes, more than {LONGEST_TEXT}",
                            texts.len() + 1,
                            bytes.len()
                        );
                        return Err(Error::table(&self.path, reason));
                    }
                    Some(bytes) => {
                        Some(String::from_utf8(bytes.data().to_vec()).map_err(|_| {
                            let reason =
                                format!("row {} has a text that is not UTF-8", texts.len() + 1);
                            Error::table(&self.path, reason)
                        })?)
                    }
                };
                texts.push(text);
            }
        }
        Ok(texts)
    }

    /// The bytes of one row, from 0 on; other pages are passed over.
    ///
    /// # Errors
    /// Damage.
    pub(crate) fn bytes(&self, column: Column, row: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut before = 0;
        for group in 0..self.reader.num_row_groups() {
            let rows = self.reader.metadata().row_group(group).num_rows();
            let rows = usize::try_from(rows).unwrap_or(0);
            if row < before + rows {
                let found = self.values(column, group, row - before, 1)?.pop();
                return Ok(found.flatten().map(|bytes| bytes.data().to_vec()));
            }
            before += rows;
        }
        let reason = format!("it has {before} rows, and row {} is asked for", row + 1);
        Err(Error::table(&self.path, reason))
    }

    /// Up to `most` values of a group of rows, after the first `skip`.
    fn values(
        &self,
        column: Column,
        group: usize,
        skip: usize,
        most: usize,
    ) -> Result<Vec<Option<ByteArray>>, Error> {
        guarded(&self.path, || {
            let group = self.reader.get_row_group(group)?;
            let ColumnReader::ByteArrayColumnReader(mut reader) =
                group.get_column_reader(column.leaf)?
            else {
                return Err(ParquetError::General("a column changed its type".into()));
            };
            if reader.skip_records(skip)? < skip {
                return Err(ParquetError::General(
                    "a column is shorter than its rows".into(),
                ));
            }
            let mut found = vec![];
            while found.len() < most {
                let (mut levels, mut values) = (vec![], vec![]);
                let piece = PIECE.min(most - found.len());
                let (rows, ..) =
                    reader.read_records(piece, Some(&mut levels), None, &mut values)?;
                if rows == 0 {
                    break;
                }
                let mut values = values.into_iter();
                match column.present {
                    0 => found.extend(values.map(Some)),
                    present => found.extend(levels.iter().map(|level| match *level == present {
                        true => values.next(),
                        false => None,
                    })),
                }
            }
            Ok(found)
        })
    }
}
